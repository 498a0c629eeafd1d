"""One instance on one processor at a time, several instances on several."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, TypeVar

import pytest

from hil.deadline import Deadline
from hil.target.monitor import Program, r
from hil.target.tpm import commands
from hil.target.vtpm import GuestQueue, ManagedQueue, Service, ServiceError, Status, abi, buffer_offset
from suites.isolation.occupancy import busy

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.fixtures import MakeManagedVtpm, MakeVtpm
    from hil.target.monitor import Pending, VirtualMachine
    from hil.target.vtpm import Vm

Queue = TypeVar("Queue", bound=GuestQueue)
TIMEOUT = 240.0
GET_RANDOM = commands.get_random(8)
SELF_TEST = commands.command(commands.CC_SELF_TEST, b"\x01")
SLOTS = 3


def work(queue: ManagedQueue) -> Pending:
    """Ring for a ring full of self-tests, each of them long, and return when EL3 is at it."""
    for slot in range(queue.instance.slots):
        queue.place(slot, SELF_TEST)
    program = Program()
    program.set(r[18], queue.va)
    program.load(r[19], r[18], abi.VTPM_RING_HEAD, size=4)
    program.add(r[19], r[19], queue.instance.slots)
    program.store(r[19], r[18], abi.VTPM_RING_HEAD, size=4)
    program.set(r[0], queue.doorbell)
    program.smc()
    program.halt()
    pending = queue.agent.start(program, Deadline.after(TIMEOUT))
    deadline = Deadline.after(TIMEOUT)
    while not busy(queue):
        assert not deadline.expired, "the long commands never began"
    return pending


def completed(queue: ManagedQueue, pending: Pending) -> list[int]:
    """Wait for the end of `work`; return the response codes."""
    assert pending.wait(Deadline.after(TIMEOUT)).require("working").r[0] == 0
    return [commands.Response.parse(queue.response(slot)).code for slot in range(SLOTS)]


def started(queue: Queue) -> Queue:
    """Start a TPM, and fill the ring up to slot 0 again."""
    for command in (commands.startup(), *[GET_RANDOM] * (queue.instance.slots - 1)):
        assert commands.submit(queue, command).code == commands.SUCCESS
    return queue


@pytest.mark.threat(12)
def test_an_instance_that_works_is_busy_for_everybody_else(
    service: Service, make_vm: Callable[..., VirtualMachine], make_vtpm: MakeManagedVtpm
) -> None:
    working = started(make_vtpm(make_vm(vcpus=2), slots=SLOTS))
    waiting = ManagedQueue.map(working.instance, working.vm, vcpu=1)
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


NOTES, MOST_NOTES = 0x100, 2048
"""Where in the agent's data area a program notes when commands were done, and how often it does at most."""


def extend_until_told(queue: GuestQueue, told_at: int) -> Pending:
    """Extend a PCR by the CRB again and again, until a word is not zero; note the time every hundredth of a second."""
    extend = commands.pcr_extend(7, bytes(32))
    base, buffer, command, at, now, noted, pause, told, one, count = r[18:28]
    program = Program()
    program.put(extend)
    program.data(command)
    program.data(at, NOTES)
    program.set(base, queue.va)
    program.set(buffer, queue.va + buffer_offset(0))
    program.set(told, told_at)
    program.set(one, 1)
    program.mrs(pause, "CNTFRQ_EL0")
    program.div(pause, pause, 100)
    program.label("again")
    program.copy(buffer, command, len(extend))
    program.store(one, base, abi.VTPM_CRB_CTRL_START, size=4)
    program.set(r[0], queue.doorbell)
    program.smc()
    program.branch(r[0], "!=", 0, "refused")
    program.mrs(now, "CNTPCT_EL0")
    program.sub(r[0], now, noted)
    program.branch(r[0], "<", pause, "too early")
    program.store(now, at)
    program.move(noted, now)
    program.add(at, at, 8)
    program.add(count, count, 1)
    program.label("too early")
    program.load(r[0], told, size=4)
    program.branch(r[0], "!=", 0, "told")
    program.branch(count, "<", MOST_NOTES, "again")
    program.label("told")
    program.halt()
    program.label("refused")
    program.halt(1)
    program.want((), offset=NOTES, size=8 * MOST_NOTES)
    return queue.agent.start(program, Deadline.after(TIMEOUT))


def time_of_work(queue: GuestQueue) -> tuple[int, int]:
    """Ring for a ring full of self-tests; return when that was, and when it was done."""
    for slot in range(SLOTS):
        queue.place(slot, SELF_TEST)
    before, after = r[18], r[19]
    program = Program()
    program.set(r[20], queue.va + abi.VTPM_RING_HEAD)
    program.load(r[21], r[20], size=4)
    program.add(r[21], r[21], SLOTS)
    program.store(r[21], r[20], size=4)
    program.set(r[0], queue.doorbell)
    program.mrs(before, "CNTPCT_EL0")
    program.smc()
    program.mrs(after, "CNTPCT_EL0")
    program.halt()
    outcome = queue.agent.run(program, Deadline.after(TIMEOUT)).require("working")
    assert outcome.r[0] == 0
    return outcome.r[before.index], outcome.r[after.index]


@pytest.mark.element("E2")
def test_the_tpm_of_one_vm_serves_while_that_of_another_works(make_vm: Callable[..., Vm], make_vtpm: MakeVtpm) -> None:
    slow, quick = started(make_vtpm(slots=SLOTS)), started(make_vtpm(make_vm(vcpus=2)))
    other_vcpu, word = quick.vm.agent(1), quick.vm.free_ipa
    other_vcpu.write(word, bytes(4))
    serving = extend_until_told(quick, word)
    worked = [time_of_work(slow) for _ in range(3)]
    other_vcpu.write(word, b"\1\0\0\0")
    outcome = serving.wait(Deadline.after(TIMEOUT)).require("serving")
    assert outcome.code == 0
    served = [time for (time,) in struct.iter_unpack("<Q", outcome.data)]
    assert any(before < time < after for before, after in worked for time in served), "one waited for the other"
    assert commands.pcr_value(slow.transmit(commands.pcr_read(7))) == bytes(32)


@pytest.mark.usefixtures("monitor")
@pytest.mark.element("E2")
def test_tpms_of_three_vms_work_at_the_same_time(make_vtpm: MakeManagedVtpm) -> None:
    queues = [started(make_vtpm(slots=SLOTS)) for _ in range(3)]
    pending = [work(queue) for queue in queues]
    assert [busy(queue) for queue in queues] == [True] * 3
    codes = [completed(*one) for one in zip(queues, pending, strict=True)]
    assert codes == [[commands.SUCCESS] * SLOTS] * 3


@pytest.mark.usefixtures("monitor")
@pytest.mark.element("E2")
def test_an_instance_that_works_keeps_its_window(service: Service, make_vtpm: MakeManagedVtpm) -> None:
    """The one that rests longest has to go when another one wants a window, but not while it works."""
    working = started(make_vtpm(slots=abi.VTPM_MAX_SLOTS))
    others = [started(make_vtpm()) for _ in range(service.memory().windows - 1)]
    work(working)
    for queue in others:
        assert commands.submit(queue, GET_RANDOM).code == commands.SUCCESS
    assert commands.submit(make_vtpm(), commands.startup()).code == commands.SUCCESS
    assert busy(working), "the commands were over too soon for this test to mean anything"
    assert working.instance.ticks().evictions == 0
    assert [queue.instance.ticks().evictions for queue in others].count(1) == 1
