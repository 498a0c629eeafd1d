"""Public name of the labgrid strategies: what a board file's `imports` names."""

from __future__ import annotations

from hil.board.strategy import BoardStrategy

__all__ = ["BoardStrategy"]
