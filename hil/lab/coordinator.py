"""A client of labgrid's coordinator that chooses its own name: each lease is a client of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING, Any

import attr
import grpc
from labgrid.remote.client import ClientSession, ServerError
from labgrid.remote.generated import labgrid_coordinator_pb2, labgrid_coordinator_pb2_grpc
from labgrid.util import labgrid_version

from hil.errors import BoardUnreachable
from hil.lab.errors import BoardSick, LabUnreachable
from hil.lab.tls import CACERT, SWITCH, LabTls

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping

    from labgrid.remote.common import Place, ResourceEntry, ResourceMatch

    from hil.lab.address import LabAddress

CALL_SECONDS = 30.0
"""How long a call may take. The coordinator itself waits up to 10 s for each exporter involved."""
CONNECT_SECONDS = 10.0

CHANNEL = (
    # The coordinator tells clients apart by their sockets, and all channels of a process would share one.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.keepalive_time_ms", 5000),
    ("grpc.keepalive_timeout_ms", 5000),
    ("grpc.http2.ping_timeout_ms", 5000),
    ("grpc.http2.max_pings_without_data", 0),
)


class Refused(Exception):
    """The coordinator refused a call; the text is its reason."""


@attr.s(eq=False, kw_only=True)
class Coordinator(ClientSession):  # type: ignore[misc]
    """A labgrid client that acquires places under the name `owner` (`HOST/USER`).

    Without `follow` it ignores the updates on places and resources, and is for calls only: in a large lab, following
    them in each of many clients takes more time than all else.

    labgrid's client takes its name from the machine and the user, and a lease needs a name of its own. So channel,
    queues and the first message are replaced, which are private to labgrid: pyproject.toml bounds its version.

    `lab` is the coordinator's own address, even if `address` is a way to it through SSH.
    """

    owner: str = attr.ib()
    lab: LabAddress = attr.ib()
    tls: LabTls | None = attr.ib(default=None)
    follow: bool = attr.ib(default=True)
    on_change: Callable[[], None] = attr.ib(default=lambda: None)

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        if self.tls:
            # Its certificate is for its own name, also where the connection begins at a port of this machine.
            options = (*CHANNEL, ("grpc.ssl_target_name_override", self.lab.host))
            self.channel = grpc.aio.secure_channel(self.address, self.tls.credentials(), options=options)
        else:
            self.channel = grpc.aio.insecure_channel(self.address, options=CHANNEL)
        self.stub = labgrid_coordinator_pb2_grpc.CoordinatorStub(self.channel)

    async def start(self) -> None:
        """Register at the coordinator, and receive its places and resources."""
        if self.follow:
            await super().start()
            return
        self.resources: dict[str, Any] = {}
        self.places: dict[str, Place] = {}
        self.pump_task = self.loop.create_task(self.message_pump())
        hello = labgrid_coordinator_pb2.ClientInMessage()
        hello.startup.version = labgrid_version()
        hello.startup.name = self.owner
        self.out_queue.put_nowait(hello)
        if not await self.sync_with_coordinator():
            raise ServerError("could not connect to the coordinator")

    def gethostname(self) -> str:
        """The first half of the name."""
        return self.owner.partition("/")[0]

    def getuser(self) -> str:
        """The second half of the name."""
        return self.owner.partition("/")[2]

    async def on_resource_changed(self, exporter: str, group_name: str, resource_name: str, resource: Any) -> None:
        """Take an update on what an exporter has."""
        if not self.follow:  # the coordinator sends every change to every client
            return
        await super().on_resource_changed(exporter, group_name, resource_name, resource)
        self.on_change()

    async def on_place_changed(self, place_pb2: Any) -> None:
        """Take an update on a place."""
        if not self.follow:
            return
        await super().on_place_changed(place_pb2)
        self.on_change()

    async def on_place_deleted(self, name: str) -> None:
        """Take the deletion of a place."""
        if not self.follow:
            return
        await super().on_place_deleted(name)
        self.on_change()

    def lacking(self, place: Place) -> str:
        """Return the resources of a place that nobody exports now, empty if all are there."""
        return ", ".join(str(match) for match in place.matches if not self._is_exported(match))

    def resources_of(self, place: Place) -> dict[tuple[str, str], ResourceEntry]:
        """Return the resources of an acquired place by name and class.

        Raises `BoardSick` if one of them is not exported any more.
        """
        found = {}
        for path in place.acquired_resources:
            exporter, group, cls, name = path
            entry = self.resources.get(exporter, {}).get(group, {}).get(name)
            if entry is None or not entry.data:
                raise BoardSick(f"nobody exports {'/'.join(path)} any more")
            found[place.getmatch(path).rename or name, cls] = entry
        return found

    def _is_exported(self, match: ResourceMatch) -> bool:
        return any(
            match.ismatch((exporter, group, entry.cls, name))
            for exporter in _candidates(match.exporter, self.resources)
            for group in _candidates(match.group, self.resources[exporter])
            for name, entry in self.resources[exporter][group].items()
            if entry.data  # empty once it is not exported any more
        )

    async def acquire(self, place: str) -> None:
        """Acquire a place under our name. Raises `Refused` if it is acquired or reserved."""
        await self._call("AcquirePlace", placename=place)

    async def release(self, place: str, owner: str) -> None:
        """Release a place if `owner` holds it, whatever our own name is."""
        await self._call("ReleasePlace", placename=place, fromuser=owner)

    async def set_tags(self, place: str, tags: Mapping[str, str]) -> None:
        """Change some tags; an empty value removes a tag."""
        await self._call("SetPlaceTags", placename=place, tags=tags)

    async def set_comment(self, place: str, comment: str) -> None:
        """Change the comment."""
        await self._call("SetPlaceComment", placename=place, comment=comment)

    async def add_place(self, name: str, tags: Mapping[str, str], *matches: str) -> None:
        """Create a place of the resources that match. The matches of an existing place stay as they are."""
        if name not in self.places:
            await self._call("AddPlace", name=name)
            for match in matches:
                await self._call("AddPlaceMatch", placename=name, pattern=match)
        await self.set_tags(name, tags)

    async def reserve(self, tags: Mapping[str, str]) -> str:
        """Queue for a place with these tags; returns the token of the reservation, which the place will carry."""
        wanted = labgrid_coordinator_pb2.Reservation.Filter(filter=tags)
        answer = await self._call("CreateReservation", filters={"main": wanted}, prio=0.0)
        return str(answer.reservation.token)

    async def refresh(self, token: str) -> None:
        """Renew a reservation, which expires after 60 s. Raises `Refused` if it has expired."""
        await self._call("PollReservation", token=token)

    async def cancel(self, token: str) -> None:
        """Give up a reservation."""
        await self._call("CancelReservation", token=token)

    async def _call(self, call: str, /, **arguments: Any) -> Any:
        request = getattr(labgrid_coordinator_pb2, f"{call}Request")(**arguments)
        try:
            return await getattr(self.stub, call)(request, timeout=CALL_SECONDS)
        except grpc.aio.AioRpcError as error:
            if error.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}:
                raise LabUnreachable(f"the coordinator at {self.lab} does not answer") from error
            raise Refused(error.details()) from error


def _candidates(pattern: str, known: Mapping[str, Any]) -> Iterable[str]:
    return (pattern,) if pattern in known else known


def new_session(
    address: LabAddress, loop: asyncio.AbstractEventLoop, owner: str, tls: LabTls | None, **more: Any
) -> Coordinator:
    """Return a client that is not connected yet; `more` are further attributes of `Coordinator`.

    Works with the labgrid that connects without TLS, and with the next one, whose client is given credentials.
    Raises `LabUnreachable` if SSH does not lead to the coordinator.
    """
    base: dict[str, Any] = {"address": "", "loop": loop}
    if "credentials" in {field.name for field in attr.fields(ClientSession)}:
        base["credentials"] = tls.credentials() if tls else None
    try:
        base["address"] = str(address.through_proxy())
    except BoardUnreachable as error:
        raise LabUnreachable(error.message, hint=error.context.hint) from error
    return Coordinator(**base, owner=owner, lab=address, tls=tls, **more)


def no_coordinator(address: LabAddress) -> LabUnreachable:
    """Return the error for a coordinator that does not answer."""
    tls = (
        f"{SWITCH} is set: has it TLS, and is {CACERT} right?" if SWITCH in os.environ else f"{SWITCH}=1 if it has TLS"
    )
    return LabUnreachable(
        f"there is no coordinator at {address}", hint=f"hil lab up; LG_COORDINATOR=HOST:PORT for your lab; {tls}"
    )


@contextlib.asynccontextmanager
async def connected(
    address: LabAddress, owner: str, on_change: Callable[[], None] = lambda: None, *, follow: bool = True
) -> AsyncIterator[Coordinator]:
    """Connect to the coordinator until the end of the block; see `Coordinator`. Raises `LabUnreachable`."""
    loop, tls = asyncio.get_running_loop(), LabTls.from_environment()
    session = new_session(address, loop, owner, tls, follow=follow, on_change=on_change)
    try:
        try:
            await asyncio.wait_for(session.start(), CONNECT_SECONDS)
        except (ServerError, TimeoutError) as error:
            raise no_coordinator(address) from error
        yield session
    finally:
        session.stopping.set()
        await session.stop()
        await session.close()
