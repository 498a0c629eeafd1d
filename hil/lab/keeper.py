"""The keeper: lends places to runners and takes them back when a runner dies, and keeps sick boards out of the pool.

One process beside the coordinator. Each runner has one connection per lease. Its end, or silence on it for
`KEEPER_PATIENCE_SECONDS`, ends the lease: the board is switched off, and then the place is free.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import socket
from typing import TYPE_CHECKING, Any

from hil.lab.coordinator import Coordinator, Refused, connected
from hil.lab.errors import BoardSick, LabUnreachable
from hil.lab.hands import Hands
from hil.lab.health import RECHECK_SECONDS, Health
from hil.lab.lease import OWNER_PREFIX, Lease, is_ours
from hil.lab.tags import BOARD, GOOD, HEALTH
from hil.lab.wire import KEEPER_PATIENCE_SECONDS, LONGEST_LINE, Message, decode, encode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from labgrid.remote.common import Place

    from hil.lab.address import LabAddress

RECONNECT_SECONDS = 1.0
LOOK_SECONDS = 0.05
REFRESH_SECONDS = 20.0
"""How often a reservation is kept from expiring, which it does after 60 s."""
COORDINATOR_GONE = "the coordinator is gone"

log = logging.getLogger("keeper")


class Gone(Exception):
    """A runner is not there any more, or has let go."""


class Keeper:
    """Everything the keeper knows: leases of its own, and the coordinator's view of places and resources."""

    def __init__(
        self, coordinator: LabAddress, patience: float = KEEPER_PATIENCE_SECONDS, recheck: float = RECHECK_SECONDS
    ) -> None:
        self._address = coordinator
        self._patience = patience
        self._host = socket.gethostname()
        self._lab: Coordinator | None = None
        self._leases: dict[str, Lease] = {}
        self._pulse = asyncio.Event()
        self._looking = False
        self._orphans: dict[str, asyncio.Task[None]] = {}
        self.hands = Hands(coordinator)
        self.health = Health(self, recheck)

    async def run(self) -> None:
        """Serve until cancelled."""
        address = self._address.keeper
        server = await asyncio.start_server(self._serve, address.host, address.port, limit=LONGEST_LINE)
        async with server:
            log.info("listening on %s", address)
            await self._follow_coordinator()

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

    def new_owner(self, host: str, user: str) -> str:
        """Return a name for a new owner of a place."""
        return f"{_word(host)}/{OWNER_PREFIX}{_word(user)}-{secrets.token_hex(4)}"

    def own_name(self) -> str:
        """The name for what the keeper itself does."""
        return f"{self._host}/keeper"

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
            asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look)

    # The coordinator.

    async def _follow_coordinator(self) -> None:
        while True:
            try:
                async with connected(self._address, self.own_name(), self.changed) as lab:
                    log.info("connected to the coordinator at %s", self._address)
                    self._lab = lab
                    await self.health.end_checks_of_a_dead_keeper()
                    self._look()
                    await lab.stopping.wait()
            except LabUnreachable as error:
                log.debug("%s", error.message)
            if self._lab is not None:
                log.warning("%s", COORDINATOR_GONE)
                self._lab = None
                self._look()
            await asyncio.sleep(RECONNECT_SECONDS)

    def _look(self) -> None:
        """Take in what has changed: leases that are over, places whose runner is unknown, new places."""
        self._looking = False
        for lease in self._leases.values():
            if lease.granted and (reason := self._loss(lease)):
                lease.lose(reason)
        for place in self.places.values():
            if is_ours(place.acquired) and not self._is_lent(place) and place.acquired not in self._orphans:
                self._orphans[place.acquired] = asyncio.create_task(self._end_orphan(place.name, place.acquired))
            if BOARD in place.tags:
                self.health.watch(place.name)
        self._pulse.set()
        self._pulse = asyncio.Event()

    def _loss(self, lease: Lease) -> str:
        """Why a lease that was granted is over; empty when it is not."""
        if self._lab is None:
            return COORDINATOR_GONE
        place = self._lab.places.get(lease.place)
        if place is None:
            return f"somebody deleted the place {lease.place}"
        if place.acquired != lease.owner:
            return f"somebody released it; it is {f'now held by {place.acquired}' if place.acquired else 'free now'}"
        if lacking := self._lab.lacking(place):
            return f"its exporter is gone: nobody exports {lacking}"
        return ""

    def _is_lent(self, place: Place) -> bool:
        lease = self._leases.get(place.acquired or "")
        return lease is not None and lease.place == place.name

    async def _end_orphan(self, name: str, owner: str) -> None:
        """Free a place that an earlier keeper lent, unless its runner comes back in time."""
        await asyncio.sleep(self._patience)
        del self._orphans[owner]
        place = self.places.get(name)
        if place is not None and place.acquired == owner and not self._is_lent(place):
            log.info("%s: its runner did not come back", name)
            await self._free(name, owner)

    # Runners.

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def receive() -> Message:
            try:
                line = await asyncio.wait_for(reader.readline(), self._patience)
                if not line:
                    raise Gone("its connection ended")
                return decode(line)
            except (TimeoutError, OSError, ValueError) as error:
                raise Gone(
                    f"nothing heard for {self._patience:g} s" if isinstance(error, TimeoutError) else str(error)
                ) from error

        def send(message: Message) -> None:
            writer.write(encode(message))

        try:
            request = await receive()
            match request.get("do"):
                case "status":
                    send({"say": "status", "places": self.status()})
                case "lease":
                    host, user = str(request.get("host")), str(request.get("user"))
                    lease = Lease(self.new_owner(host, user), f"{user}@{host}", dict(request.get("tags") or {}))
                    await self._lend(lease, receive, send)
                case "resume":
                    lease = Lease(str(request["owner"]), str(request["holder"]), {}, str(request["place"]))
                    if lease.owner in self._leases:
                        raise Gone("it is here already")
                    await self._lend(lease, receive, send)
                case "check":
                    place = str(request.get("place"))
                    known = self.health.ask(place)
                    send({"say": "asked"} if known else {"say": "refused", "why": f"there is no board {place!r} here"})
                case other:
                    send({"say": "refused", "why": f"unknown request {other!r}"})
            await writer.drain()
        except (Gone, OSError):
            pass
        finally:
            writer.close()

    async def _lend(self, lease: Lease, receive: Any, send: Callable[[Message], None]) -> None:
        """Get a place, lend it until the runner lets go or is gone, take it back."""
        self._leases[lease.owner] = lease
        obtaining = asyncio.create_task(self._obtain(lease))
        obtaining.add_done_callback(lambda _: lease.changed.set())
        listening = asyncio.create_task(self._listen(lease, receive, send))
        end = "it let go"
        try:
            await self._tell(lease, obtaining, listening, send)
            await listening
        except (Gone, Refused, LabUnreachable) as error:
            end = str(error)
        finally:
            for task in (obtaining, listening):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await task
            if lease.place:
                log.info("%s: the lease of %s ends: %s", lease.place, lease.holder, lease.lost or end)
            await asyncio.shield(asyncio.create_task(self._take_back(lease)))
        send({"say": "released"})

    async def _listen(self, lease: Lease, receive: Any, send: Callable[[Message], None]) -> None:
        """Answer heartbeats until the runner lets go. Raises `Gone`."""
        while True:
            message = await receive()
            if message.get("do") == "release":
                if blame := str(message.get("blame") or ""):
                    await self.health.suspect(lease.place, blame)
                return
            send({"say": "beat"})

    async def _tell(
        self,
        lease: Lease,
        obtaining: asyncio.Task[None],
        listening: asyncio.Task[None],
        send: Callable[[Message], None],
    ) -> None:
        """Keep the runner informed until its lease is lost or it is gone."""
        told = ""
        while not listening.done():
            if obtaining.done() and not lease.granted:
                await obtaining
                lease.granted = True
                self._look()
                log.info("%s: lent to %s as %s", lease.place, lease.holder, lease.owner)
                send({"say": "leased", "place": lease.place, "owner": lease.owner, "holder": lease.holder})
            if lease.lost:
                send({"say": "lost", "why": lease.lost})
                return
            if lease.waiting_for != told:
                told = lease.waiting_for
                send({"say": "waiting", "why": told})
            changed = asyncio.create_task(lease.changed.wait())
            await asyncio.wait({changed, listening}, return_when=asyncio.FIRST_COMPLETED)
            changed.cancel()
            lease.changed.clear()

    async def _obtain(self, lease: Lease) -> None:
        """Make a place the lease's; takes as long as it takes. A lease that names its place already has it."""
        await self.until(lambda: self._lab is not None)
        while not lease.place:
            try:
                async with connected(self._address, lease.owner) as own:
                    await self._acquire(lease, own)
            except (Refused, LabUnreachable) as error:
                lease.place = ""
                lease.wait_for(str(error))
                await asyncio.sleep(RECONNECT_SECONDS)
        await self.lab.sync_with_coordinator()  # lest our view of the place is older than the lease

    async def _acquire(self, lease: Lease, own: Coordinator) -> None:
        """Queue for a place and acquire it. Raises `Refused` and `LabUnreachable`."""
        token = await own.reserve({**lease.tags, HEALTH: GOOD})
        try:
            lease.place = await self._await_place(lease, own, token)
            await own.acquire(lease.place)
        finally:
            with contextlib.suppress(Refused, LabUnreachable):
                await asyncio.shield(own.cancel(token))

    async def _await_place(self, lease: Lease, own: Coordinator, token: str) -> str:
        """Return the place that a reservation was given, once nobody else touches it any more."""

        def allocated() -> str:
            return next((str(place.name) for place in self.places.values() if place.reservation == token), "")

        def ready() -> bool:
            lease.wait_for(self._describe_wait(lease.tags))
            return self._lab is None or (allocated() != "" and not self._is_touched(allocated()))

        while not await self.until(ready, REFRESH_SECONDS):
            await own.refresh(token)
        self.lab  # noqa: B018 - raises when it is gone
        if self.health.verdict(allocated()) != GOOD:
            raise Refused(f"{allocated()} has to be checked first")
        return allocated()

    def _is_touched(self, place: str) -> bool:
        """Whether a runner may still touch the board of a place, even if the coordinator calls it free."""
        return any(lease.place == place for lease in self._leases.values())

    def _describe_wait(self, tags: Mapping[str, str]) -> str:
        """What a runner waits for: who has the boards with these tags."""
        wanted = ", ".join(f"{key}={value}" for key, value in tags.items())
        matching = [
            place for place in self.places.values() if tags.items() <= {**place.tags, "name": place.name}.items()
        ]
        if not matching:
            return f"no place has the tags {wanted}"
        return "; ".join(f"{place.name}: {self._state(place)}" for place in matching)

    async def _take_back(self, lease: Lease) -> None:
        """End a lease: its board off, its place free, and nobody's before that."""
        try:
            if lease.place:
                if lease.lost:
                    await self.health.unsure(lease.place)
                await self._free(lease.place, lease.owner)
        finally:
            del self._leases[lease.owner]
            self._look()

    async def _free(self, place: str, owner: str) -> None:
        """Switch a board off and free its place, if it is still `owner`'s."""
        if place not in self.places or self.places[place].acquired != owner:
            return
        try:
            await self.hands.power_off(place, owner)
        except BoardSick as error:
            log.warning("%s: cannot be switched off: %s", place, error.message)
            await self.health.suspect(place, f"it could not be switched off: {error.message}")
        with contextlib.suppress(LabUnreachable, Refused):
            await self.lab.release(place, owner)

    # What people see.

    def status(self) -> list[dict[str, Any]]:
        """Every place: name, tags, state, holder, health and what is wrong with it."""
        return [
            {
                "name": place.name,
                "tags": dict(place.tags),
                "state": self._state(place),
                "holder": self._holder(place),
                "health": self.health.verdict(place.name),
                "why": self.health.reason(place.name),
            }
            for place in sorted(self.places.values(), key=lambda place: str(place.name))
        ]

    def _holder(self, place: Place) -> str:
        lease = next((one for one in self._leases.values() if one.place == place.name), None)
        return lease.holder if lease else place.acquired or ""

    def _state(self, place: Place) -> str:
        holder = self._holder(place)
        if holder and holder != self.own_name():
            return f"held by {holder}"
        if reason := self.health.reason(place.name):
            return f"out of the pool: {reason}"
        if holder:
            return "being checked"
        return "reserved" if place.reservation else "free"


def _word(text: str) -> str:
    """A host or user as part of an owner's name, in which labgrid wants exactly one slash."""
    return text.replace("/", "_") or "unknown"
