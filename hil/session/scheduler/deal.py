"""Who runs what: the tests of one board, dealt out to the seats that have such a board."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from hil.errors import InfrastructureError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Deal:
    """Each test goes to one seat, and to another one only if it was not begun, or is given back to run again."""

    def __init__(self) -> None:
        self._groups: tuple[tuple[str, ...], ...] | None = None
        self._waiting: deque[tuple[str, ...]] = deque()
        self._hands: dict[str, list[str]] = {}
        self._running: dict[str, str] = {}
        self._spoiled: dict[str, str] = {}

    @property
    def planned(self) -> bool:
        """Whether it is known what there is to run."""
        return self._groups is not None

    @property
    def waits(self) -> bool:
        """Whether there is something that no seat has, as far as is known."""
        return not self.planned or bool(self._waiting)

    @property
    def complete(self) -> bool:
        """Whether all has been run."""
        return not self.waits and not any(self._hands.values())

    def plan(self, groups: tuple[tuple[str, ...], ...], seconds: Mapping[str, float] | None = None) -> bool:
        """Take the tests that a seat found; returns whether they are news.

        Where it is known how many `seconds` tests take, the longest groups come first, so that all seats end together.
        A test that is new takes what the others take on the average.

        Raises `InfrastructureError` when another seat of the same board found others.
        """
        if self._groups is None:
            self._groups = groups
            self._waiting.extend(_longest_first(groups, seconds) if seconds else groups)
            return True
        if groups != self._groups:
            raise InfrastructureError(
                "found other tests than the seats before it", hint="was the tree changed while the run began?"
            )
        return False

    def take(self, seat: str, *, alone: bool = True) -> tuple[str, ...]:
        """Return what `seat` is to run next, empty when nothing waits.

        A test that it has given back goes to it only when it is `alone`: when no other seat could take it.
        """
        group = next((one for one in self._waiting if alone or self._spoiled.get(one[0]) != seat), ())
        if group:
            self._waiting.remove(group)
        self._hands[seat] = list(group)
        return group

    def begin(self, seat: str, id: str) -> None:
        """Note that a test has started."""
        self._running[seat] = id

    def end(self, seat: str, id: str) -> None:
        """Note that a test has ended."""
        self._running.pop(seat, None)
        hand = self._hands.get(seat, [])
        if id in hand:
            hand.remove(id)

    def again(self, seat: str, id: str) -> None:
        """Give back a test that `seat` has run: it runs once more, before all else, and elsewhere if that can be."""
        self._spoiled[id] = seat
        self._waiting.appendleft((id,))

    def lose(self, seat: str) -> str:
        """Take back what `seat` had not begun; returns the test that it was running, empty if none."""
        running = self._running.pop(seat, "")
        rest = tuple(id for id in self._hands.pop(seat, ()) if id != running)
        if rest:
            self._waiting.appendleft(rest)
        return running

    def forfeit(self) -> tuple[str, ...]:
        """Return all that nobody can run any more, and forget it."""
        rest = tuple(id for group in self._waiting for id in group)
        self._waiting.clear()
        return rest


def _longest_first(groups: Sequence[tuple[str, ...]], seconds: Mapping[str, float]) -> list[tuple[str, ...]]:
    average = sum(seconds.values()) / len(seconds)
    return sorted(groups, key=lambda group: sum(seconds.get(id, average) for id in group), reverse=True)
