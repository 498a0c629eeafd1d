"""The health of boards: one that fails its check twice leaves the pool, and comes back after a good check."""

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
"""Failed checks, one after the other, after which a board is out of the pool."""
RECHECK_SECONDS = 60.0
"""How often a sick board is checked."""
ROUTINE_SECONDS = 3600.0
"""How often a good board is checked while nobody uses it."""
BUSY_SECONDS = 1.0
"""Pause before another attempt to check a board that somebody else just took."""
DEFAULT_BOOT_SECONDS = 30.0

log = logging.getLogger("keeper.health")


@dataclass(eq=False, slots=True)
class Patient:
    """What is known of one board. A new one is checked before it is lent."""

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
    """Checks boards that nobody uses, and writes the verdict into the tags of their places."""

    def __init__(self, keeper: Keeper, recheck: float) -> None:
        self._keeper = keeper
        self._recheck = recheck
        self._patients: dict[str, Patient] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def watch(self, place: str, lacking: str) -> None:
        """Take in what has changed about a place, such as what nobody exports; begin to look after one that is new."""
        patient = self._patients.setdefault(place, Patient(due=self._written(place) != GOOD))
        if place not in self._tasks:
            self._tasks[place] = asyncio.create_task(self._look_after(place, patient))
        if lacking != patient.lacking:
            patient.lacking = lacking
            patient.due = True
            patient.wake.set()
        if self._written(place) != patient.verdict:
            patient.wake.set()

    def verdict(self, place: str) -> str:
        """Return `good`, `suspect` or `sick`."""
        return self._patients[place].verdict if place in self._patients else SUSPECT

    def reason(self, place: str) -> str:
        """Return why a board is not in the pool; empty for one that is."""
        patient = self._patients.get(place)
        if patient is None or patient.verdict == GOOD:
            return ""
        if patient.lacking:
            return f"nobody exports {patient.lacking}"
        return patient.reason or "not checked yet"

    def ask(self, place: str) -> bool:
        """Have a board checked as soon as nobody has it; False when there is no such board."""
        if patient := self._patients.get(place):
            patient.due = True
            patient.wake.set()
            self._keeper.changed()
        return patient is not None

    async def suspect(self, place: str, reason: str) -> None:
        """Count something that went wrong with a board as a failed check."""
        if patient := self._patients.get(place):
            patient.failures += 1
            patient.reason = reason
            await self.unsure(place)

    async def unsure(self, place: str) -> None:
        """Have a board checked before it is lent again."""
        if patient := self._patients.get(place):
            patient.due = True
            patient.wake.set()
            await self._write(place, patient)

    async def end_checks_of_a_dead_keeper(self) -> None:
        """Free the places that a keeper before this one was checking."""
        us = self._keeper.own_name
        for place in list(self._keeper.places.values()):
            if place.acquired == us and not self._is_checking(place.name):
                await self._keeper.lab.release(place.name, us)

    async def _look_after(self, place: str, patient: Patient) -> None:
        while True:
            patient.wake.clear()
            seconds = self._recheck if patient.failures else ROUTINE_SECONDS
            if place in self._keeper.places:
                await self._write(place, patient)
                if patient.due and not patient.lacking:
                    if await self._until_free(place, patient):
                        await self._try_to_check(place, patient)
                    continue
            try:
                await asyncio.wait_for(patient.wake.wait(), seconds)
            except TimeoutError:
                patient.due = True

    async def _try_to_check(self, place: str, patient: Patient) -> None:
        """Check a board, unless somebody was faster."""
        lab, us = self._keeper.lab, self._keeper.own_name
        patient.checking = True
        try:
            await lab.acquire(place)
            try:
                await lab.sync_with_coordinator()  # so that what the place consists of is known
                await self._check(place, patient)
            finally:
                patient.checking = False
                await self._write(place, patient)
                await lab.release(place, us)
        except (LabUnreachable, Refused) as error:
            log.debug("%s: not checked: %s", place, error)
            await asyncio.sleep(BUSY_SECONDS)
        finally:
            patient.checking = False

    async def _check(self, place: str, patient: Patient) -> None:
        boot_seconds = float(self._keeper.places[place].tags.get(BOOT_SECONDS, DEFAULT_BOOT_SECONDS))
        patient.due = False
        try:
            known = self._keeper.places[place]
            await self._keeper.hands.check(known, self._keeper.lab.resources_of(known), boot_seconds)
        except BoardSick as error:
            patient.failures += 1
            patient.reason = error.message
            patient.due = patient.failures < FAILURES
            log.warning("%s: failed check %d: %s", place, patient.failures, error.message)
        else:
            if patient.failures:
                log.info("%s: good again", place)
            patient.failures, patient.reason = 0, ""

    async def _until_free(self, place: str, patient: Patient) -> bool:
        """Wait until nobody has the board, perhaps for hours; False when there is something else to do first."""
        await self._keeper.until(lambda: patient.wake.is_set() or self._is_free(place))
        return not patient.wake.is_set()

    def _is_checking(self, name: str) -> bool:
        patient = self._patients.get(name)
        return patient is not None and patient.checking

    def _is_free(self, name: str) -> bool:
        place = self._keeper.places.get(name)
        return place is not None and place.acquired is None and place.reservation is None

    def _written(self, place: str) -> str:
        return str(self._keeper.places[place].tags.get(HEALTH, ""))

    async def _write(self, place: str, patient: Patient) -> None:
        """Let the tag of a place, and its comment, say what is known."""
        try:
            if self._written(place) != patient.verdict:
                await self._keeper.lab.set_tags(place, {HEALTH: patient.verdict})
                await self._keeper.lab.set_comment(place, self.reason(place))
        except (KeyError, LabUnreachable, Refused) as error:
            log.debug("%s: verdict not written: %s", place, error)
