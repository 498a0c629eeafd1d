"""Obtains a place for a lease: a free one at once, else the next one from labgrid's queue."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from hil.lab.coordinator import Coordinator, Refused, connected
from hil.lab.errors import LabUnreachable
from hil.lab.tags import GOOD, HEALTH
from hil.lab.view import has_tags, why_none_is_free

if TYPE_CHECKING:
    from labgrid.remote.common import Place

    from hil.lab.keeper import Keeper
    from hil.lab.lease import Lease

RETRY_SECONDS = 1.0
REFRESH_SECONDS = 20.0
"""The interval at which a reservation is renewed; it expires after 60 s."""


async def obtain(keeper: Keeper, lease: Lease) -> None:
    """Acquire a place for a lease, however long that takes. A resumed lease names its place, and has it already."""
    await keeper.until(lambda: keeper.is_connected)
    while not lease.place:
        try:
            async with connected(keeper.address, lease.owner, follow=False) as own:
                if not await _take(keeper, lease, own):
                    await _queue(keeper, lease, own)
        except (Refused, LabUnreachable) as error:
            _drop_place(keeper, lease)
            lease.wait_for(str(error))
            await asyncio.sleep(RETRY_SECONDS)
    await (
        keeper.lab.sync_with_coordinator()
    )  # our view of the place must not be older than the lease, or it would look lost


async def _take(keeper: Keeper, lease: Lease, own: Coordinator) -> bool:
    """Acquire a free place, if there is one. It is not reserved, so nobody in the queue waits for it."""

    def suits(place: Place) -> bool:
        free = place.acquired is None and place.reservation is None and not keeper.is_in_use(place.name)
        return free and has_tags(place, lease.tags) and keeper.health.verdict(place.name) == GOOD

    lease.place = next((str(place.name) for place in keeper.places.values() if suits(place)), "")
    if lease.place:
        try:
            await own.acquire(lease.place)
        except Refused:  # somebody else acquired it first
            _drop_place(keeper, lease)
    return lease.place != ""


def _drop_place(keeper: Keeper, lease: Lease) -> None:
    """Give up the choice of a place, and wake the lease that it is reserved for, which waits until it is not in use."""
    lease.place = ""
    keeper.schedule_update()


async def _queue(keeper: Keeper, lease: Lease, own: Coordinator) -> None:
    """Queue for a place and acquire it. Raises `Refused` and `LabUnreachable`."""
    token = await own.reserve({**lease.tags, HEALTH: GOOD})
    try:
        lease.place = await _await_place(keeper, lease, own, token)
        await own.acquire(lease.place)
    finally:
        with contextlib.suppress(Refused, LabUnreachable):
            await asyncio.shield(own.cancel(token))


async def _await_place(keeper: Keeper, lease: Lease, own: Coordinator, token: str) -> str:
    """Return the place that the reservation was given, once no other lease uses it any more."""

    def allocated() -> str:
        return next((str(place.name) for place in keeper.places.values() if place.reservation == token), "")

    def ready() -> bool:
        lease.wait_for(why_none_is_free(keeper, lease.tags))
        return not keeper.is_connected or (allocated() != "" and not keeper.is_in_use(allocated()))

    while not await keeper.until(ready, REFRESH_SECONDS):
        await own.refresh(token)
    keeper.lab  # noqa: B018 - raises if the coordinator is gone
    if keeper.health.verdict(allocated()) != GOOD:
        raise Refused(f"{allocated()} has to be checked first")
    return allocated()
