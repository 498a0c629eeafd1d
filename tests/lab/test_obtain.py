"""A runner gets a place whose board is well; those who want the same one do not keep each other from getting it."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest
from labgrid.remote.common import Place

from hil.lab.address import LabAddress
from hil.lab.coordinator import Coordinator, Refused
from hil.lab.health import BoardHealth
from hil.lab.keeper import Keeper
from hil.lab.lease import Lease
from hil.lab.obtain import _take


class Reserved:
    """A coordinator that has reserved its only place for somebody while others ask for it."""

    def __init__(self) -> None:
        self.places = {"simulated-1": Place("simulated-1")}

    async def acquire(self, place: str) -> None:
        await asyncio.sleep(0)
        raise Refused(f"{place} is reserved")

    def lacking(self, _place: Place) -> str:
        return ""


class Free(Reserved):
    """A coordinator that gives its only place to whoever asks."""

    async def acquire(self, place: str) -> None:
        assert place in self.places


@pytest.mark.parametrize(
    ("board", "taken"),
    [(BoardHealth(due=False), True), (BoardHealth(due=True), False), (BoardHealth(due=False, failures=2), False)],
    ids=["good", "not-checked", "sick"],
)
def test_a_free_place_is_taken_only_if_its_board_is_well(board: BoardHealth, *, taken: bool) -> None:
    async def go() -> bool:
        keeper = Keeper(LabAddress("127.0.0.1", 1))
        coordinator = cast("Coordinator", Free())
        keeper._lab = coordinator
        keeper.health._boards["simulated-1"] = board
        return await _take(keeper, Lease("vm/one", "one", {}), coordinator)

    assert asyncio.run(go()) is taken


def test_who_was_refused_wakes_those_who_waited_for_him() -> None:
    async def go() -> bool:
        keeper = Keeper(LabAddress("127.0.0.1", 1))
        coordinator = cast("Coordinator", Reserved())
        keeper._lab = coordinator
        keeper.health._boards["simulated-1"] = BoardHealth(due=False)
        lease = keeper.leases["vm/one"] = Lease("vm/one", "one", {})
        taking = asyncio.create_task(_take(keeper, lease, coordinator))
        while not keeper.is_in_use("simulated-1"):
            await asyncio.sleep(0)
        assert not taking.done()
        return await keeper.until(lambda: not keeper.is_in_use("simulated-1"), 30)

    assert asyncio.run(go())
