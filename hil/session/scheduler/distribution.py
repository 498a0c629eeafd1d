"""Distributes the tests of one board to the seats that have such a board."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from hil.errors import InfrastructureError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Distribution:
    """Assigns each test to one seat, and to a second one only if the first did not start it or gave it back."""

    def __init__(self) -> None:
        self._groups: tuple[tuple[str, ...], ...] | None = None
        self._waiting: deque[tuple[str, ...]] = deque()
        self._assigned: dict[str, list[str]] = {}
        self._running: dict[str, str] = {}
        self._failed_on: dict[str, str] = {}

    @property
    def is_planned(self) -> bool:
        """Whether the tests to run are known."""
        return self._groups is not None

    @property
    def ids(self) -> tuple[str, ...]:
        """All tests of the board, in order; empty while they are not known."""
        return tuple(id for group in self._groups or () for id in group)

    @property
    def has_waiting(self) -> bool:
        """Whether tests wait for a seat. Also true while the tests are not known yet."""
        return not self.is_planned or bool(self._waiting)

    @property
    def is_complete(self) -> bool:
        """Whether all tests have run."""
        return not self.has_waiting and not any(self._assigned.values())

    def plan(self, groups: tuple[tuple[str, ...], ...], seconds: Mapping[str, float] | None = None) -> bool:
        """Take the tests that a seat collected; returns whether it was the first seat to do so.

        With `seconds`, the durations of tests in earlier runs, the longest groups come first: a long test that starts
        last would keep one seat busy while the others are idle. A test without a known duration counts as average.

        Raises `InfrastructureError` if another seat of the same board collected other tests.
        """
        if self._groups is None:
            self._groups = groups
            self._waiting.extend(_longest_first(groups, seconds) if seconds else groups)
            return True
        if groups != self._groups:
            raise InfrastructureError(
                "collected other tests than the seats before it", hint="was the tree changed while the run started?"
            )
        return False

    def take(self, seat: str, *, alone: bool = True) -> tuple[str, ...]:
        """Return the group of tests that `seat` is to run next, empty if none waits.

        A test that failed on this seat comes back to it only if the seat is `alone`, so that no other one can run it:
        the fault may lie in this very board.
        """
        group = next((group for group in self._waiting if alone or self._failed_on.get(group[0]) != seat), ())
        if group:
            self._waiting.remove(group)
        self._assigned[seat] = list(group)
        return group

    def begin(self, seat: str, id: str) -> None:
        """Note that a test has started."""
        self._running[seat] = id

    def end(self, seat: str, id: str) -> None:
        """Note that a test has ended."""
        self._running.pop(seat, None)
        assigned = self._assigned.get(seat, [])
        if id in assigned:
            assigned.remove(id)

    def requeue(self, seat: str, id: str) -> None:
        """Put a test that failed on `seat` before all others, to run once more and on another seat if possible."""
        self._failed_on[id] = seat
        self._waiting.appendleft((id,))

    def take_back(self, seat: str) -> str:
        """Queue again what `seat` has not started; returns the test that it is running, empty if none.

        The running test is not queued: it may be the reason for the loss of the seat, and would take others with it.
        """
        running = self._running.pop(seat, "")
        rest = tuple(id for id in self._assigned.pop(seat, ()) if id != running)
        if rest:
            self._waiting.appendleft(rest)
        return running

    def drop_waiting(self) -> tuple[str, ...]:
        """Remove and return the tests that no seat is left for."""
        rest = tuple(id for group in self._waiting for id in group)
        self._waiting.clear()
        return rest


def _longest_first(groups: Sequence[tuple[str, ...]], seconds: Mapping[str, float]) -> list[tuple[str, ...]]:
    average = sum(seconds.values()) / len(seconds)
    return sorted(groups, key=lambda group: sum(seconds.get(id, average) for id in group), reverse=True)
