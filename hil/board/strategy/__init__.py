"""labgrid strategies; importing this registers them."""

from __future__ import annotations

from hil.board.strategy.boardstrategy import BoardStrategy
from hil.board.strategy.plan import State

__all__ = ["BoardStrategy", "State"]
