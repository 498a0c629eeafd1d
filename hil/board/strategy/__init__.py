"""labgrid strategies. Importing this package registers them."""

from __future__ import annotations

from hil.board.strategy.boardstrategy import BoardStrategy

__all__ = ["BoardStrategy"]
