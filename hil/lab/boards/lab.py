"""The places of the lab, read once and only when needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.errors import HilError
from hil.lab.tags import BOARD, GOOD

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.lab.client import PlaceStatus


class Places:
    """Caches the result of `ask`, or its error."""

    def __init__(self, ask: Callable[[], list[PlaceStatus]]) -> None:
        self._ask = ask
        self._answer: list[PlaceStatus] | HilError | None = None

    def __call__(self) -> list[PlaceStatus]:
        """Return all places. Raises `UsageError` without a lab, and `LabUnreachable`."""
        if self._answer is None:
            try:
                self._answer = self._ask()
            except HilError as error:
                self._answer = error
        if isinstance(self._answer, HilError):
            raise self._answer
        return self._answer

    def offers(self, board: str) -> bool:
        """Whether the lab has a healthy and free board of this name."""
        return any(place.health == GOOD and not place.holder for place in self.with_board(board))

    def with_board(self, board: str) -> list[PlaceStatus]:
        """Return the places with a board of this name, none if the lab does not answer."""
        try:
            return [place for place in self() if place.tags.get(BOARD) == board]
        except HilError:
            return []
