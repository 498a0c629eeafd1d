"""The keeper: leases places to runners, takes them back when a runner dies, and keeps sick boards out of the pool.

It is one process beside the coordinator. Each runner has one connection per lease. Its end, or a silence of
`Timeouts.keeper` seconds, ends the lease: the board is switched off, and only then is the place free.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from typing import TYPE_CHECKING

from hil.lab.coordinator import Coordinator, Refused, connected
from hil.lab.errors import BoardSick, LabUnreachable
from hil.lab.executor import ActionExecutor
from hil.lab.health import RECHECK_SECONDS, Health
from hil.lab.lease import Lease, is_ours
from hil.lab.server import RunnerConnection
from hil.lab.tags import BOARD
from hil.lab.wire import LONGEST_LINE, TIMEOUTS

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping

    from labgrid.remote.common import Place

    from hil.lab.address import LabAddress

RECONNECT_SECONDS = 0.25
UPDATE_SECONDS = 0.05
COORDINATOR_GONE = "the coordinator is gone"

log = logging.getLogger("keeper")


class Keeper:
    """The state of the keeper: its leases, and the coordinator's places and resources.

    All of it lives in one event loop. A change at the coordinator schedules `update`, which ends the leases that are
    lost and wakes all who wait in `until`.
    """

    def __init__(
        self,
        coordinator: LabAddress,
        timeout: float = TIMEOUTS.keeper,
        recheck: float = RECHECK_SECONDS,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """With `tls`, runners must connect by TLS."""
        self.address = coordinator
        self.own_name = f"{socket.gethostname()}/keeper"
        self.leases: dict[str, Lease] = {}
        self.executor = ActionExecutor()
        self.health = Health(self, recheck)
        self._timeout = timeout
        self._tls = tls
        self._lab: Coordinator | None = None
        self._updated = asyncio.Event()
        self._update_is_due = False
        self._orphans: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Serve until cancelled."""
        address = self.address.keeper

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await RunnerConnection(self, self._timeout, reader, writer).serve()

        listening = asyncio.start_server(serve, address.host, address.port, limit=LONGEST_LINE, ssl=self._tls)
        async with await listening:
            log.info("listening on %s", address)
            await self._follow_coordinator()

    @property
    def is_connected(self) -> bool:
        """Whether the coordinator is connected."""
        return self._lab is not None

    @property
    def lab(self) -> Coordinator:
        """The connection to the coordinator. Raises `LabUnreachable` while there is none."""
        if self._lab is None:
            raise LabUnreachable(COORDINATOR_GONE)
        return self._lab

    @property
    def places(self) -> Mapping[str, Place]:
        """The places of the coordinator, none while it is not connected."""
        return self._lab.places if self._lab else {}

    async def until(self, condition: Callable[[], bool], seconds: float | None = None) -> bool:
        """Wait until an update makes the condition true; returns False if that takes too long."""
        try:
            async with asyncio.timeout(seconds):
                while not condition():
                    await self._updated.wait()
        except TimeoutError:
            return False
        return True

    def schedule_update(self) -> None:
        """Call `update` soon, once for all changes until then: in a large lab they come all the time."""
        if not self._update_is_due:
            self._update_is_due = True
            asyncio.get_running_loop().call_later(UPDATE_SECONDS, self.update)

    async def _follow_coordinator(self) -> None:
        while True:
            try:
                async with connected(self.address, self.own_name, self.schedule_update) as lab:
                    log.info("connected to the coordinator at %s", self.address)
                    self._lab = lab
                    await self.health.end_checks_of_a_dead_keeper()
                    self.update()
                    await lab.stopping.wait()
            except LabUnreachable as error:
                log.debug("%s", error.message)
            if self._lab is not None:
                log.warning("%s", COORDINATOR_GONE)
                self._lab = None
                self.update()
            await asyncio.sleep(RECONNECT_SECONDS)

    def update(self) -> None:
        """End leases that are lost, free places whose runner is unknown, watch new places, and wake those who wait."""
        self._update_is_due = False
        lacking = {name: self.lab.lacking(place) for name, place in self.places.items()}
        for lease in self.leases.values():
            if lease.granted and (reason := self._why_lost(lease, lacking.get(lease.place, ""))):
                lease.lose(reason)
        for place in self.places.values():
            if is_ours(place.acquired) and not self._is_leased(place) and place.acquired not in self._orphans:
                self._orphans[place.acquired] = asyncio.create_task(self._end_orphan(place.name, place.acquired))
            if BOARD in place.tags:
                self.health.watch(place.name, lacking[place.name])
        self._updated.set()
        self._updated = asyncio.Event()

    def _why_lost(self, lease: Lease, lacking: str) -> str:
        """Return why a granted lease is lost, empty if it is not."""
        if self._lab is None:
            return COORDINATOR_GONE
        place = self._lab.places.get(lease.place)
        if place is None:
            return f"somebody deleted the place {lease.place}"
        if place.acquired != lease.owner:
            return f"somebody released it; it is {f'now held by {place.acquired}' if place.acquired else 'free now'}"
        if lacking:
            return f"its exporter is gone: nobody exports {lacking}"
        return ""

    def is_in_use(self, place: str) -> bool:
        """Whether a runner may still use the board of a place, even if the coordinator calls it free.

        After a restart the coordinator has forgotten who holds what, but a runner that lost its lease stops only after
        some seconds.
        """
        return any(lease.place == place for lease in self.leases.values())

    def _is_leased(self, place: Place) -> bool:
        lease = self.leases.get(place.acquired or "")
        return lease is not None and lease.place == place.name

    async def _end_orphan(self, name: str, owner: str) -> None:
        """Free a place that an earlier keeper leased, unless its runner resumes the lease in time."""
        await asyncio.sleep(self._timeout)
        del self._orphans[owner]
        place = self.places.get(name)
        if place is not None and place.acquired == owner and not self._is_leased(place):
            log.info("%s: its runner did not come back", name)
            await self.health.require_check(name)
            await self._free(name, owner)

    async def take_back(self, lease: Lease) -> None:
        """End a lease: switch its board off, free its place, and only then forget that it is in use."""
        try:
            if lease.place:
                if lease.lost:
                    await self.health.require_check(lease.place)
                await self._free(lease.place, lease.owner)
        finally:
            del self.leases[lease.owner]
            self.update()

    async def _free(self, place: str, owner: str) -> None:
        """Switch a board off and free its place, if `owner` still holds it.

        A board that cannot be switched off is freed all the same, but leaves the pool if that happens again: kept, it
        would be lost to the lab for good.
        """
        known = self.places.get(place)
        if known is None or known.acquired != owner:
            return
        try:
            await self.executor.power_off(known, self.lab.resources_of(known))
        except BoardSick as error:
            log.warning("%s: cannot be switched off: %s", place, error.message)
            await self.health.count_failure(place, f"it could not be switched off: {error.message}")
        with contextlib.suppress(LabUnreachable, Refused):
            await self.lab.release(place, owner)
            await self.lab.sync_with_coordinator()  # so that a status right after this shows the place as free
