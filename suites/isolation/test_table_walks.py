"""EL3 walks a guest's translation tables for it; wherever they lead, only the guest gets the trouble."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.deadline import Deadline
from hil.target.monitor import Program, r
from hil.target.vtpm import Status, abi

if TYPE_CHECKING:
    from hil.target.monitor import Agent, Monitor
    from hil.target.vtpm import ManagedQueue, Service
    from suites.conftest import FindSymbol

IPA = 0x9000_0000
TABLE = 300
VA = TABLE << 30  # what entry 300 of the root table (level 1) translates
ENTRY_IS_A_TABLE = 0b11
TABLE_ADDRESS_BITS = (1 << 48) - (1 << 12)
NOWHERE = 0x0B00_0000  # no device and no memory of QEMU's virt machine


def put_table_at(agent: Agent, ipa: int) -> None:
    """Make `agent` believe that the level 2 table for `VA` lies at `ipa`."""
    program = Program()
    program.mrs(r[0], "TTBR0_EL1")
    program.set(r[1], TABLE_ADDRESS_BITS)
    program.and_(r[0], r[0], r[1])
    program.set(r[2], ipa | ENTRY_IS_A_TABLE)
    program.store(r[2], r[0], 8 * TABLE)
    program.barrier()
    program.halt()
    agent.run(program, Deadline.after(10)).require("pointing a table at a hole")


@pytest.mark.threat(6)
@pytest.mark.parametrize("place", ["firmware", "pool", "nowhere"])
def test_tables_behind_which_the_bus_refuses_are_a_bad_address(
    monitor: Monitor, service: Service, vtpm: ManagedQueue, symbol: FindSymbol, place: str
) -> None:
    """An external abort on a walk is taken where the walk was asked for: at EL3."""
    pa = {"firmware": symbol("__BL31_START__"), "pool": service.memory().pool, "nowhere": NOWHERE}[place]
    vtpm.vm.map(IPA, pa, abi.VTPM_PAGE_BYTES)
    put_table_at(vtpm.agent, IPA)
    assert vtpm.check(VA).status == Status.BAD_ADDRESS
    assert vtpm.check().status == Status.OK
    assert monitor.smc(abi.VTPM_FID_VERSION).x[0] > 0
