"""Health checks: a board that fails twice leaves the pool, and comes back after a check that passes."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hil.lab.coordinator import Refused
from hil.lab.errors import BoardSick, LabUnreachable
from hil.lab.tags import BOOT_SECONDS, GOOD, HEALTH, SICK, SUSPECT

if TYPE_CHECKING:
    from hil.lab.keeper import Keeper

FAILURES = 2
"""How many failed checks in a row take a board out of the pool."""
RECHECK_SECONDS = 60.0
"""How often a sick board is checked."""
ROUTINE_SECONDS = 3600.0
"""How often a good board is checked while nobody uses it."""
BUSY_SECONDS = 1.0
"""The pause before another attempt to check a board that somebody else has just acquired."""
DEFAULT_BOOT_SECONDS = 30.0

log = logging.getLogger("keeper.health")


@dataclass(eq=False, slots=True)
class BoardHealth:
    """The health of one board. A new board is checked before it is leased."""

    due: bool = True
    checking: bool = False
    failures: int = 0
    reason: str = ""
    lacking: str = ""
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def verdict(self) -> str:
        """`good`, `suspect` or `sick`."""
        if self.lacking or self.failures >= FAILURES:
            return SICK
        return SUSPECT if self.due or self.checking or self.failures else GOOD


class Health:
    """Checks boards that nobody uses, and writes the verdict into the tags of their places.

    labgrid's queue gives out places by tags, so the tag alone keeps a sick board out of the pool, even for users of
    labgrid's own client.
    """

    def __init__(self, keeper: Keeper, recheck: float) -> None:
        self._keeper = keeper
        self._recheck = recheck
        self._boards: dict[str, BoardHealth] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def watch(self, place: str, lacking: str) -> None:
        """Take the resources that a place lacks, and begin to watch a new place."""
        board = self._boards.setdefault(place, BoardHealth(due=self._written(place) != GOOD))
        if place not in self._tasks:
            self._tasks[place] = asyncio.create_task(self._watch_board(place, board))
        if lacking != board.lacking:
            board.lacking = lacking
            board.due = True
            board.wake.set()
        if self._written(place) != board.verdict:
            board.wake.set()

    def verdict(self, place: str) -> str:
        """Return `good`, `suspect` or `sick`."""
        return self._boards[place].verdict if place in self._boards else SUSPECT

    def reason(self, place: str) -> str:
        """Return why a board is out of the pool, empty if it is in it."""
        board = self._boards.get(place)
        if board is None or board.verdict == GOOD:
            return ""
        if board.lacking:
            return f"nobody exports {board.lacking}"
        return board.reason or "not checked yet"

    def request_check(self, place: str) -> bool:
        """Have a board checked as soon as it is free; returns False if there is no such place."""
        if board := self._boards.get(place):
            board.due = True
            board.wake.set()
            self._keeper.schedule_update()
        return board is not None

    async def count_failure(self, place: str, reason: str) -> None:
        """Count a failure in a run as a failed check."""
        if board := self._boards.get(place):
            board.failures += 1
            board.reason = reason
            await self.require_check(place)

    async def require_check(self, place: str) -> None:
        """Keep a board from being leased until it has been checked."""
        if board := self._boards.get(place):
            board.due = True
            board.wake.set()
            await self._write(place, board)

    async def end_checks_of_a_dead_keeper(self) -> None:
        """Release the places that an earlier keeper was checking when it died."""
        us = self._keeper.own_name
        for place in list(self._keeper.places.values()):
            if place.acquired == us and not self._is_checking(place.name):
                await self._keeper.lab.release(place.name, us)

    async def _watch_board(self, place: str, board: BoardHealth) -> None:
        while True:
            board.wake.clear()
            seconds = self._recheck if board.failures else ROUTINE_SECONDS
            if place in self._keeper.places:
                await self._write(place, board)
                if board.due and not board.lacking:
                    if await self._until_free(place, board):
                        await self._try_to_check(place, board)
                    continue
            try:
                await asyncio.wait_for(board.wake.wait(), seconds)
            except TimeoutError:
                board.due = True

    async def _try_to_check(self, place: str, board: BoardHealth) -> None:
        """Acquire and check a board, unless somebody else acquires it first."""
        lab, us = self._keeper.lab, self._keeper.own_name
        board.checking = True
        try:
            await lab.acquire(place)
            try:
                await lab.sync_with_coordinator()  # our view of the place must have its resources
                await self._check(place, board)
            finally:
                board.checking = False
                await self._write(place, board)
                await lab.release(place, us)
        except (LabUnreachable, Refused) as error:
            log.debug("%s: not checked: %s", place, error)
            await asyncio.sleep(BUSY_SECONDS)
        finally:
            board.checking = False

    async def _check(self, place: str, board: BoardHealth) -> None:
        boot_seconds = float(self._keeper.places[place].tags.get(BOOT_SECONDS, DEFAULT_BOOT_SECONDS))
        board.due = False
        try:
            known = self._keeper.places[place]
            await self._keeper.executor.check(known, self._keeper.lab.resources_of(known), boot_seconds)
        except BoardSick as error:
            board.failures += 1
            board.reason = error.message
            board.due = board.failures < FAILURES
            log.warning("%s: failed check %d: %s", place, board.failures, error.message)
        else:
            if board.failures:
                log.info("%s: good again", place)
            board.failures, board.reason = 0, ""

    async def _until_free(self, place: str, board: BoardHealth) -> bool:
        """Wait until the board is free, perhaps for hours; returns False if an event comes first."""
        await self._keeper.until(lambda: board.wake.is_set() or self._is_free(place))
        return not board.wake.is_set()

    def _is_checking(self, name: str) -> bool:
        board = self._boards.get(name)
        return board is not None and board.checking

    def _is_free(self, name: str) -> bool:
        place = self._keeper.places.get(name)
        return place is not None and place.acquired is None and place.reservation is None

    def _written(self, place: str) -> str:
        return str(self._keeper.places[place].tags.get(HEALTH, ""))

    async def _write(self, place: str, board: BoardHealth) -> None:
        """Write the verdict into the tag of a place, and the reason into its comment."""
        try:
            if self._written(place) != board.verdict:
                await self._keeper.lab.set_tags(place, {HEALTH: board.verdict})
                await self._keeper.lab.set_comment(place, self.reason(place))
        except (KeyError, LabUnreachable, Refused) as error:
            log.debug("%s: verdict not written: %s", place, error)
