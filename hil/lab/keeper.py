"""The keeper: lends places to runners and takes them back when a runner dies, and keeps sick boards out of the pool.

One process beside the coordinator. Each runner has one connection per lease. Its end, or silence on it for as long as
`Patience.keeper` says, ends the lease: the board is switched off, and then the place is free.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from typing import TYPE_CHECKING

from hil.lab.coordinator import Coordinator, Refused, connected
from hil.lab.desk import Visit
from hil.lab.errors import BoardSick, LabUnreachable
from hil.lab.hands import Hands
from hil.lab.health import RECHECK_SECONDS, Health
from hil.lab.lease import Lease, is_ours
from hil.lab.tags import BOARD
from hil.lab.wire import LONGEST_LINE, PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from labgrid.remote.common import Place

    from hil.lab.address import LabAddress

RECONNECT_SECONDS = 0.25
LOOK_SECONDS = 0.05
COORDINATOR_GONE = "the coordinator is gone"

log = logging.getLogger("keeper")


class Keeper:
    """Everything the keeper knows: leases of its own, and the coordinator's view of places and resources."""

    def __init__(
        self, coordinator: LabAddress, patience: float = PATIENCE.keeper, recheck: float = RECHECK_SECONDS
    ) -> None:
        self.address = coordinator
        self.own_name = f"{socket.gethostname()}/keeper"
        self.leases: dict[str, Lease] = {}
        self.hands = Hands()
        self.health = Health(self, recheck)
        self._patience = patience
        self._lab: Coordinator | None = None
        self._pulse = asyncio.Event()
        self._looking = False
        self._orphans: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Serve until cancelled."""
        address = self.address.keeper

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await Visit(self, self._patience, reader, writer).serve()

        async with await asyncio.start_server(serve, address.host, address.port, limit=LONGEST_LINE):
            log.info("listening on %s", address)
            await self._follow_coordinator()

    @property
    def is_connected(self) -> bool:
        """Whether there is a coordinator."""
        return self._lab is not None

    @property
    def lab(self) -> Coordinator:
        """The connection to the coordinator. Raises `LabUnreachable` while there is none."""
        if self._lab is None:
            raise LabUnreachable(COORDINATOR_GONE)
        return self._lab

    @property
    def places(self) -> Mapping[str, Place]:
        """All places that the coordinator has; none while it is away."""
        return self._lab.places if self._lab else {}

    async def until(self, condition: Callable[[], bool], seconds: float | None = None) -> bool:
        """Wait until something has changed that makes the condition true; False when that takes too long."""
        try:
            async with asyncio.timeout(seconds):
                while not condition():
                    await self._pulse.wait()
        except TimeoutError:
            return False
        return True

    def changed(self) -> None:
        """Take in soon what has changed: much at once, for in a large lab something changes all the time."""
        if not self._looking:
            self._looking = True
            asyncio.get_running_loop().call_later(LOOK_SECONDS, self.look)

    async def _follow_coordinator(self) -> None:
        while True:
            try:
                async with connected(self.address, self.own_name, self.changed) as lab:
                    log.info("connected to the coordinator at %s", self.address)
                    self._lab = lab
                    await self.health.end_checks_of_a_dead_keeper()
                    self.look()
                    await lab.stopping.wait()
            except LabUnreachable as error:
                log.debug("%s", error.message)
            if self._lab is not None:
                log.warning("%s", COORDINATOR_GONE)
                self._lab = None
                self.look()
            await asyncio.sleep(RECONNECT_SECONDS)

    def look(self) -> None:
        """Take in what has changed: leases that are over, places whose runner is unknown, new places."""
        self._looking = False
        lacking = {name: self.lab.lacking(place) for name, place in self.places.items()}
        for lease in self.leases.values():
            if lease.granted and (reason := self._loss(lease, lacking.get(lease.place, ""))):
                lease.lose(reason)
        for place in self.places.values():
            if is_ours(place.acquired) and not self._is_lent(place) and place.acquired not in self._orphans:
                self._orphans[place.acquired] = asyncio.create_task(self._end_orphan(place.name, place.acquired))
            if BOARD in place.tags:
                self.health.watch(place.name, lacking[place.name])
        self._pulse.set()
        self._pulse = asyncio.Event()

    def _loss(self, lease: Lease, lacking: str) -> str:
        """Why a lease that was granted is over; empty when it is not."""
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

    def is_touched(self, place: str) -> bool:
        """Whether a runner may still touch the board of a place, even if the coordinator calls it free."""
        return any(lease.place == place for lease in self.leases.values())

    def _is_lent(self, place: Place) -> bool:
        lease = self.leases.get(place.acquired or "")
        return lease is not None and lease.place == place.name

    async def _end_orphan(self, name: str, owner: str) -> None:
        """Free a place that an earlier keeper lent, unless its runner comes back in time."""
        await asyncio.sleep(self._patience)
        del self._orphans[owner]
        place = self.places.get(name)
        if place is not None and place.acquired == owner and not self._is_lent(place):
            log.info("%s: its runner did not come back", name)
            await self.health.unsure(name)
            await self._free(name, owner)

    async def take_back(self, lease: Lease) -> None:
        """End a lease: its board off, its place free, and nobody's before that."""
        try:
            if lease.place:
                if lease.lost:
                    await self.health.unsure(lease.place)
                await self._free(lease.place, lease.owner)
        finally:
            del self.leases[lease.owner]
            self.look()

    async def _free(self, place: str, owner: str) -> None:
        """Switch a board off and free its place, if it is still `owner`'s."""
        known = self.places.get(place)
        if known is None or known.acquired != owner:
            return
        try:
            await self.hands.power_off(known, self.lab.resources_of(known))
        except BoardSick as error:
            log.warning("%s: cannot be switched off: %s", place, error.message)
            await self.health.suspect(place, f"it could not be switched off: {error.message}")
        with contextlib.suppress(LabUnreachable, Refused):
            await self.lab.release(place, owner)
            await self.lab.sync_with_coordinator()  # so that whoever asks us now is told that it is free
