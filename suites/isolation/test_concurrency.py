"""Several processors at once: no two in one instance, no wait without end, and nothing to win by being quick."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from hil.deadline import Deadline
from hil.monitor import Program, r
from hil.tpm import commands
from hil.vtpm import GuestQueue, Service, ServiceError, Status, abi
from hil.vtpm.queue import buffer_offset, entry_offset
from hil.vtpm.transport import queue_ipa

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.monitor import Agent, Outcome, Pending, VirtualMachine
    from hil.plugin.fixtures import MakeVtpm

ROUNDS = 2000
PATIENCE = 60.0
ALL_ONES = (1 << 64) - 1
BUSY = abi.VTPM_E_BUSY & ALL_ONES
PAGE = abi.VTPM_PAGE_BYTES
GET_RANDOM = commands.get_random(8)


@pytest.fixture
def shared(make_vm: Callable[..., VirtualMachine], make_vtpm: MakeVtpm) -> tuple[GuestQueue, GuestQueue]:
    """The queue of one instance as two vCPUs of one VM see it; the TPM is started and the ring is at zero again."""
    vm = make_vm(vcpus=2)
    first = make_vtpm(vm)
    assert commands.submit(first, commands.startup()).code == commands.SUCCESS
    return first, GuestQueue.map(first.instance, vm, vcpu=1)


# Row 12: storms.

OK_COUNT, BUSY_COUNT, OTHER_COUNT, OTHER_STATUS, LEFT = r[24], r[25], r[26], r[27], r[28]


@dataclass(frozen=True, slots=True)
class Tally:
    """How the calls of a storm were answered."""

    ok: int
    busy: int
    other: int
    other_status: int

    @classmethod
    def of(cls, outcome: Outcome) -> Tally:
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
    return agent.start(program, Deadline.after(PATIENCE))


def finished(pending: Pending) -> Tally:
    """Wait for a storm, but not for ever."""
    return Tally.of(pending.wait(Deadline.after(PATIENCE)))


@pytest.mark.threat(12)
def test_two_vcpus_that_storm_one_instance_get_ok_or_busy_and_both_get_through(
    shared: tuple[GuestQueue, GuestQueue],
) -> None:
    shared[0].agent.write(shared[0].va + PAGE, GET_RANDOM)
    pending = [storm(queue.agent, queue.doorbell, crb=queue.va) for queue in shared]
    for tally in map(finished, pending):
        assert (tally.ok, tally.other, tally.other_status) == (ROUNDS, 0, 0)
    assert commands.submit(shared[1], GET_RANDOM).code == commands.SUCCESS


@pytest.mark.threat(12)
def test_management_calls_and_doorbells_storm_each_other_without_a_deadlock(
    service: Service, shared: tuple[GuestQueue, GuestQueue]
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
def test_destroy_amid_doorbells_is_busy_or_done_and_then_nobody_is_served(
    service: Service, shared: tuple[GuestQueue, GuestQueue]
) -> None:
    pending = [storm(queue.agent, queue.doorbell, crb=queue.va) for queue in shared]
    deadline = Deadline.after(PATIENCE)
    status: Status | int = Status.BUSY
    while status == Status.BUSY and not deadline.expired:
        status = service.call(abi.VTPM_FID_DESTROY, shared[0].instance.handle).status
    assert status == Status.OK
    for tally in map(finished, pending):
        assert tally.ok + tally.other == ROUNDS
        assert tally.other_status in (0, abi.VTPM_E_NOT_PERMITTED & ALL_ONES)
    assert shared[0].ring().status == Status.NOT_PERMITTED
    assert service.limits().instances_used == 0


# One instance on one processor at a time, several instances on several.

SELF_TEST = commands.command(commands.CC_SELF_TEST, b"\x01")
SLOTS = 5


def work(queue: GuestQueue) -> Pending:
    """Ring for a ring full of self-tests, each of them long, and return when EL3 is at it."""
    for slot in range(SLOTS):
        queue.place(slot, SELF_TEST)
    program = Program()
    program.set(r[18], queue.va)
    program.load(r[19], r[18], abi.VTPM_RING_HEAD, size=4)
    program.add(r[19], r[19], SLOTS)
    program.store(r[19], r[18], abi.VTPM_RING_HEAD, size=4)
    program.set(r[0], queue.doorbell)
    program.smc()
    program.halt()
    pending = queue.agent.start(program, Deadline.after(PATIENCE))
    deadline = Deadline.after(PATIENCE)
    while not busy(queue):
        assert not deadline.expired, "the long commands never began"
    return pending


def busy(queue: GuestQueue) -> bool:
    """Whether another processor is inside the instance; binding it again to whom it belongs changes nothing."""
    instance, vm = queue.instance, queue.vm
    epoch = instance.service.next_epoch()
    status = instance.call(abi.VTPM_FID_BIND, vm.vmid, vm.stage2_base, epoch, queue_ipa(instance.index)).status
    assert status in {Status.OK, Status.BUSY}
    return status == Status.BUSY


def completed(queue: GuestQueue, pending: Pending) -> list[int]:
    """Wait for the end of `work`; return the response codes."""
    assert pending.wait(Deadline.after(PATIENCE)).require("working").r[0] == 0
    return [commands.Response.parse(queue.response(slot)).code for slot in range(SLOTS)]


def started(queue: GuestQueue) -> GuestQueue:
    """Start a TPM, and fill the ring up to slot 0 again."""
    for command in (commands.startup(), *[GET_RANDOM] * (queue.instance.slots - 1)):
        assert commands.submit(queue, command).code == commands.SUCCESS
    return queue


@pytest.mark.threat(12)
def test_an_instance_that_works_is_busy_for_everybody_else(
    service: Service, make_vm: Callable[..., VirtualMachine], make_vtpm: MakeVtpm
) -> None:
    working = started(make_vtpm(make_vm(vcpus=2), slots=SLOTS))
    waiting = GuestQueue.map(working.instance, working.vm, vcpu=1)
    pending = work(working)
    assert waiting.ring().status == Status.BUSY
    for refused in (working.instance.destroy, working.instance.reset, working.instance.forward):
        with pytest.raises(ServiceError) as refusal:
            refused()
        assert refusal.value.status is Status.BUSY
    assert working.instance.info().state == abi.VTPM_STATE_BOUND
    assert service.limits().instances_used == 1
    assert busy(working), "the commands were over too soon for this test to mean anything"
    assert completed(working, pending) == [commands.SUCCESS] * SLOTS
    assert commands.submit(waiting, GET_RANDOM).code == commands.SUCCESS


@pytest.mark.element("E2")
def test_the_tpm_of_one_vm_serves_while_that_of_another_works(make_vtpm: MakeVtpm) -> None:
    slow, quick = started(make_vtpm(slots=SLOTS)), started(make_vtpm())
    pending = work(slow)
    for number in range(3):
        assert commands.submit(quick, commands.pcr_extend(7, bytes([number]) * 32)).code == commands.SUCCESS
    assert busy(slow), "the quick TPM was served only after the slow one"
    assert completed(slow, pending) == [commands.SUCCESS] * SLOTS
    assert commands.pcr_value(slow.transmit(commands.pcr_read(7))) == bytes(32)


@pytest.mark.element("E2")
def test_tpms_of_three_vms_work_at_the_same_time(make_vtpm: MakeVtpm) -> None:
    queues = [started(make_vtpm(slots=SLOTS)) for _ in range(3)]
    pending = [work(queue) for queue in queues]
    assert [busy(queue) for queue in queues] == [True] * 3
    codes = [completed(*one) for one in zip(queues, pending, strict=True)]
    assert codes == [[commands.SUCCESS] * SLOTS] * 3


# Row 1: a second vCPU changes the queue while EL3 works on it.

EXTEND = commands.pcr_extend(3, b"\x33" * 32)
HEADER_SIZE, HEADER_CODE, AUTHORISATION_SIZE = 2, 6, 14  # offsets in a command, TPM 2.0 Library part 1
STOP = 0


def big(value: int) -> int:
    """A big-endian 32-bit field as a little-endian machine stores it."""
    return int.from_bytes(value.to_bytes(4, "big"), "little")


@dataclass(frozen=True, slots=True)
class Flip:
    """What the second vCPU flips: a u32 at an offset of the queue, between what is right and what is not."""

    command: bytes
    offset: int
    right: int
    wrong: int


FLIPS = {
    "length": Flip(GET_RANDOM, entry_offset(0) + abi.VTPM_ENTRY_LENGTH, len(GET_RANDOM), 0xFFFF_FFF0),
    "length-past-the-slot": Flip(GET_RANDOM, entry_offset(0) + abi.VTPM_ENTRY_LENGTH, len(GET_RANDOM), 2 * PAGE),
    "state": Flip(GET_RANDOM, entry_offset(0) + abi.VTPM_ENTRY_STATE, abi.VTPM_SLOT_SUBMITTED, 0xFFFF_FFFF),
    "command-size": Flip(GET_RANDOM, buffer_offset(0) + HEADER_SIZE, big(len(GET_RANDOM)), big(0x7FFF_FFFF)),
    "command-code": Flip(GET_RANDOM, buffer_offset(0) + HEADER_CODE, big(commands.CC_GET_RANDOM), big(0xFFFF_FFFF)),
    "authorisation-size": Flip(EXTEND, buffer_offset(0) + AUTHORISATION_SIZE, big(9), big(0x7FFF_FFFF)),
    "slots": Flip(GET_RANDOM, abi.VTPM_RING_SLOTS, 1, 0xFFFF_FFFF),
    "tail": Flip(GET_RANDOM, abi.VTPM_RING_TAIL, 0, 0x8000_0000),
}


def flipper(queue: GuestQueue, flip: Flip, stop_va: int) -> Pending:
    """Flip until the word at `stop_va` is set."""
    program = Program()
    program.set(r[0], queue.va + flip.offset)
    program.set(r[1], flip.right)
    program.set(r[2], flip.wrong)
    program.set(r[3], stop_va)
    program.label("again")
    for _ in range(16):
        program.store(r[2], r[0], size=4)
        program.store(r[1], r[0], size=4)
    program.load(r[4], r[3], size=4)
    program.branch(r[4], "==", 0, "again")
    program.halt()
    return queue.agent.start(program, Deadline.after(PATIENCE))


def submitter(queue: GuestQueue, flip: Flip, stop_va: int, rounds: int) -> Program:
    """Submit the command over and over, count what is not OK, and set the word at `stop_va`."""
    base, entry, buffer, data, head, left, bad, last = r[18:26]
    program = Program()
    program.put(flip.command)
    program.data(data)
    program.set(base, queue.va)
    program.set(entry, queue.va + entry_offset(0))
    program.set(buffer, queue.va + buffer_offset(0))
    program.load(head, base, abi.VTPM_RING_HEAD, size=4)
    program.set(left, rounds)
    program.label("again")
    program.copy(buffer, data, len(flip.command), size=4)
    program.set(r[0], len(flip.command))
    program.store(r[0], entry, abi.VTPM_ENTRY_LENGTH, size=4)
    program.set(r[0], abi.VTPM_SLOT_SUBMITTED)
    program.store(r[0], entry, abi.VTPM_ENTRY_STATE, size=4)
    program.add(head, head, 1)
    program.store(head, base, abi.VTPM_RING_HEAD, size=4)
    program.set(r[0], queue.doorbell)
    program.smc()
    program.branch(r[0], "==", 0, "fine")
    program.add(bad, bad, 1)
    program.move(last, r[0])
    program.label("fine")
    program.loop(left, "again")
    program.set(r[0], 1)
    program.set(r[1], stop_va)
    program.store(r[0], r[1], size=4)
    program.halt()
    return program


@pytest.mark.threat(1)
@pytest.mark.parametrize("name", FLIPS)
def test_nothing_is_won_by_changing_the_queue_while_el3_works(
    service: Service, shared: tuple[GuestQueue, GuestQueue], make_vtpm: MakeVtpm, name: str
) -> None:
    flip, queue, other_vcpu = FLIPS[name], *shared
    neighbour = make_vtpm()
    commands.submit(neighbour, commands.startup())
    untouched = neighbour.agent.read(neighbour.va, neighbour.instance.queue_bytes)
    control = commands.pcr_value(queue.transmit(commands.pcr_read(9)))
    stop = queue.vm.free_ipa + STOP
    queue.agent.write(stop, struct.pack("<I", 0))

    flipping = flipper(other_vcpu, flip, stop)
    outcome = queue.agent.run(submitter(queue, flip, stop, ROUNDS), Deadline.after(PATIENCE)).require("racing")
    flipping.wait(Deadline.after(PATIENCE)).require("flipping")

    assert (outcome.r[24], outcome.r[25]) == (0, 0), "the doorbell was refused"
    assert queue.instance.info().state == abi.VTPM_STATE_BOUND
    assert commands.submit(queue, GET_RANDOM).code == commands.SUCCESS
    assert commands.pcr_value(queue.transmit(commands.pcr_read(9))) == control
    assert neighbour.agent.read(neighbour.va, neighbour.instance.queue_bytes) == untouched
    assert commands.submit(neighbour, GET_RANDOM).code == commands.SUCCESS
    assert service.limits().instances_used == 2
