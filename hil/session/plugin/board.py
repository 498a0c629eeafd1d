"""The board of a suite: a test that asks too much of it is skipped, and one whose board has failed is blocked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.session import board
from hil.session.board import strategies
from hil.session.plugin.classify import BlockedError
from hil.session.plugin.unsupported import Unsupported

if TYPE_CHECKING:
    from collections.abc import Iterable

    from labgrid import Environment


@dataclass(frozen=True, slots=True, repr=False)
class Board(board.Board):
    """A board whose tests are skipped where they need a state that it does not have."""

    def require(self, state: str) -> None:
        """Skip the test if the board has no such state."""
        if reason := self.lacks(state):
            raise Unsupported(reason)

    def require_use(self, kind: str) -> str:
        """Return the state in which the board is used in this way. Skips the test if it has none."""
        if reason := self.lacks_use(kind):
            raise Unsupported(reason)
        return self.strategy.state_with(kind)


def refuse_broken(environments: Iterable[Environment]) -> None:
    """Raise `BlockedError` if a strategy of any of these has failed before."""
    for environment in environments:
        for strategy in strategies(environment):
            if strategy.broken:
                raise BlockedError(strategy.broken)
