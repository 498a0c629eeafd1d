"""Calls from several processors at once: BUSY or done, no deadlock, and everybody gets through in the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from hil.deadline import Deadline
from hil.target.monitor import Program, r
from hil.target.tpm import commands
from hil.target.vtpm import GuestQueue, ManagedQueue, Service, ServiceError, Status, abi, buffer_offset

if TYPE_CHECKING:
    from hil.target.monitor import Agent, Pending, ProgramOutcome

ROUNDS = 2000
TIMEOUT = 240.0
ALL_ONES = (1 << 64) - 1
BUSY = abi.VTPM_E_BUSY & ALL_ONES
GET_RANDOM = commands.get_random(8)

OK_COUNT, BUSY_COUNT, OTHER_COUNT, OTHER_STATUS, LEFT = r[24], r[25], r[26], r[27], r[28]


@dataclass(frozen=True, slots=True)
class Tally:
    """How the calls of a storm were answered."""

    ok: int
    busy: int
    other: int
    other_status: int

    @classmethod
    def of(cls, outcome: ProgramOutcome) -> Tally:
        """Read the counters of a storm that came to its end."""
        done = outcome.require("storming")
        return cls(*(done.r[register.index] for register in (OK_COUNT, BUSY_COUNT, OTHER_COUNT, OTHER_STATUS)))


def storm(agent: Agent, fid: int, *arguments: int, crb: int | None = None, rounds: int = ROUNDS) -> Pending:
    """Make one call until it was answered `rounds` times with anything but BUSY, which only asks to try again.

    `crb`: write START and CANCEL of the queue at this VA before each call.
    """
    program = Program()
    program.set(LEFT, rounds)
    program.set(r[20], crb or 0)
    program.set(r[21], 1)
    program.label("again")
    if crb is not None:
        program.store(r[21], r[20], abi.VTPM_CRB_CTRL_START, size=4)
        program.store(r[21], r[20], abi.VTPM_CRB_CTRL_CANCEL, size=4)
        program.store(r[22], r[20], abi.VTPM_CRB_CTRL_CANCEL, size=4)
    for index, value in enumerate((fid, *arguments)):
        program.set(r[index], value)
    program.smc()
    program.branch(r[0], "==", 0, "ok")
    program.branch(r[0], "==", BUSY, "busy")
    program.add(OTHER_COUNT, OTHER_COUNT, 1)
    program.move(OTHER_STATUS, r[0])
    program.jump("next")
    program.label("busy")
    program.add(BUSY_COUNT, BUSY_COUNT, 1)
    program.jump("again")
    program.label("ok")
    program.add(OK_COUNT, OK_COUNT, 1)
    program.label("next")
    program.loop(LEFT, "again")
    program.halt()
    return agent.start(program, Deadline.after(TIMEOUT))


def finished(pending: Pending) -> Tally:
    """Wait for a storm, but not for ever."""
    return Tally.of(pending.wait(Deadline.after(TIMEOUT)))


@pytest.mark.threat(12)
def test_two_vcpus_that_storm_one_instance_get_ok_or_busy_and_both_get_through(
    shared: tuple[GuestQueue, GuestQueue],
) -> None:
    shared[0].agent.write(shared[0].va + buffer_offset(0), GET_RANDOM)
    pending = [storm(queue.agent, queue.doorbell, crb=queue.va) for queue in shared]
    for tally in map(finished, pending):
        assert (tally.ok, tally.other, tally.other_status) == (ROUNDS, 0, 0)
    assert commands.submit(shared[1], GET_RANDOM).code == commands.SUCCESS


@pytest.mark.threat(12)
def test_management_calls_and_doorbells_storm_each_other_without_a_deadlock(
    service: Service, shared: tuple[ManagedQueue, ManagedQueue]
) -> None:
    """Doorbells from two vCPUs against every management call from EL2, all on one instance."""
    queue = shared[0]
    pending = [storm(queue.agent, queue.doorbell, crb=queue.va) for queue in shared]
    vm, instance = queue.vm, queue.instance
    seen = {
        service.call(fid, instance.handle, *arguments).status
        for _ in range(25)
        for fid, arguments in (
            (abi.VTPM_FID_INFO, (abi.VTPM_INFO_STATE,)),
            (abi.VTPM_FID_FORWARD, ()),
            (abi.VTPM_FID_BIND, (vm.vmid, vm.stage2_base, service.next_epoch(), 0)),
            (abi.VTPM_FID_RESET, ()),
        )
    }
    assert seen <= {Status.OK, Status.BUSY}
    for tally in map(finished, pending):
        assert (tally.ok, tally.other, tally.other_status) == (ROUNDS, 0, 0)
    instance.reset()
    assert commands.submit(queue, commands.startup()).code == commands.SUCCESS


@pytest.mark.threat(12)
def test_a_vm_that_is_reset_while_its_vcpus_storm_gets_a_tpm_that_is_well(
    shared: tuple[GuestQueue, GuestQueue],
) -> None:
    pending = [storm(queue.agent, queue.doorbell, crb=queue.va) for queue in shared]
    for _ in range(25):
        try:
            shared[0].instance.reset()
        except ServiceError as refusal:
            assert refusal.status is Status.BUSY  # noqa: PT017 - it may be, and need not
    for tally in map(finished, pending):
        assert (tally.ok, tally.other, tally.other_status) == (ROUNDS, 0, 0)
    shared[0].instance.reset()
    assert commands.submit(shared[0], commands.startup()).code == commands.SUCCESS


@pytest.mark.threat(12)
def test_destroy_amid_doorbells_is_busy_or_done_and_then_nobody_is_served(
    service: Service, shared: tuple[ManagedQueue, ManagedQueue]
) -> None:
    pending = [storm(queue.agent, queue.doorbell, crb=queue.va) for queue in shared]
    deadline = Deadline.after(TIMEOUT)
    status: Status | int = Status.BUSY
    while status == Status.BUSY and not deadline.expired:
        status = service.call(abi.VTPM_FID_DESTROY, shared[0].instance.handle).status
    assert status == Status.OK
    for tally in map(finished, pending):
        assert tally.ok + tally.other == ROUNDS
        assert tally.other_status in (0, abi.VTPM_E_NOT_PERMITTED & ALL_ONES)
    assert shared[0].ring().status == Status.NOT_PERMITTED
    assert service.limits().instances_used == 0
