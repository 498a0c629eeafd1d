"""One instance on one processor at a time, several instances on several."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.deadline import Deadline
from hil.monitor import Program, r
from hil.tpm import commands
from hil.vtpm import ManagedQueue, Service, ServiceError, Status, abi
from hil.vtpm.transport import queue_ipa

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.monitor import Pending, VirtualMachine
    from hil.plugin.fixtures import MakeManagedVtpm

PATIENCE = 60.0
GET_RANDOM = commands.get_random(8)
SELF_TEST = commands.command(commands.CC_SELF_TEST, b"\x01")
SLOTS = 3


def work(queue: ManagedQueue) -> Pending:
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


def busy(queue: ManagedQueue) -> bool:
    """Whether another processor is inside the instance; binding it again to whom it belongs changes nothing."""
    instance, vm = queue.instance, queue.vm
    epoch = instance.service.next_epoch()
    status = instance.call(abi.VTPM_FID_BIND, vm.vmid, vm.stage2_base, epoch, queue_ipa(instance.index)).status
    assert status in {Status.OK, Status.BUSY}
    return status == Status.BUSY


def completed(queue: ManagedQueue, pending: Pending) -> list[int]:
    """Wait for the end of `work`; return the response codes."""
    assert pending.wait(Deadline.after(PATIENCE)).require("working").r[0] == 0
    return [commands.Response.parse(queue.response(slot)).code for slot in range(SLOTS)]


def started(queue: ManagedQueue) -> ManagedQueue:
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


@pytest.mark.element("E2")
def test_the_tpm_of_one_vm_serves_while_that_of_another_works(make_vtpm: MakeManagedVtpm) -> None:
    slow, quick = started(make_vtpm(slots=SLOTS)), started(make_vtpm())
    pending = work(slow)
    for number in range(3):
        assert commands.submit(quick, commands.pcr_extend(7, bytes([number]) * 32)).code == commands.SUCCESS
    assert busy(slow), "the quick TPM was served only after the slow one"
    assert completed(slow, pending) == [commands.SUCCESS] * SLOTS
    assert commands.pcr_value(slow.transmit(commands.pcr_read(7))) == bytes(32)


@pytest.mark.element("E2")
def test_tpms_of_three_vms_work_at_the_same_time(make_vtpm: MakeManagedVtpm) -> None:
    queues = [started(make_vtpm(slots=SLOTS)) for _ in range(3)]
    pending = [work(queue) for queue in queues]
    assert [busy(queue) for queue in queues] == [True] * 3
    codes = [completed(*one) for one in zip(queues, pending, strict=True)]
    assert codes == [[commands.SUCCESS] * SLOTS] * 3
