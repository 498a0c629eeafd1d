"""Public name of the labgrid strategies: what a board file's `imports` names."""

from __future__ import annotations

from hil.board.strategy import BoardStrategy, State

__all__ = ["BoardStrategy", "State"]
