"""labgrid strategies; importing this registers them."""

from __future__ import annotations

from hil.strategies.boardstrategy import BoardStrategy
from hil.strategies.plan import State

__all__ = ["BoardStrategy", "State"]
