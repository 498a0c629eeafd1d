"""Who runs what: the tests of one board, dealt out to the seats that have such a board."""

from __future__ import annotations

from collections import deque

from hil.errors import InfrastructureError


class Deal:
    """Each test goes to one seat, and to another one only if it was not begun."""

    def __init__(self) -> None:
        self._groups: tuple[tuple[str, ...], ...] | None = None
        self._waiting: deque[tuple[str, ...]] = deque()
        self._hands: dict[str, list[str]] = {}
        self._running: dict[str, str] = {}

    @property
    def planned(self) -> bool:
        """Whether it is known what there is to run."""
        return self._groups is not None

    @property
    def complete(self) -> bool:
        """Whether all has been run."""
        return self.planned and not self._waiting and not any(self._hands.values())

    def plan(self, groups: tuple[tuple[str, ...], ...]) -> bool:
        """Take the tests that a seat found; returns whether they are news.

        Raises `InfrastructureError` when another seat of the same board found others.
        """
        if self._groups is None:
            self._groups = groups
            self._waiting.extend(groups)
            return True
        if groups != self._groups:
            raise InfrastructureError(
                "found other tests than the seats before it", hint="was the tree changed while the run began?"
            )
        return False

    def take(self, seat: str) -> tuple[str, ...]:
        """Return what `seat` is to run next, empty when nothing waits."""
        group = self._waiting.popleft() if self._waiting else ()
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
