"""A VM is who VTTBR_EL2 says it is, and owns only what was bound to that identity."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import pytest

from hil.target.monitor import Program, r
from hil.target.tpm import commands
from hil.target.vtpm import GuestQueue, ManagedQueue, Reply, ServiceError, Status, abi, queue_ipa, queue_va

if TYPE_CHECKING:
    from hil.fixtures import MakeManagedVtpm, MakeVtpm
    from hil.target.monitor import Agent, Monitor, VirtualMachine
    from hil.target.vtpm import Service, Vm

MakeVm = Callable[..., "Vm"]
MakeMonitorVm = Callable[..., "VirtualMachine"]
Queue = TypeVar("Queue", bound=GuestQueue)
EXTEND = commands.pcr_extend(7, b"\xa5" * 32)
STARTED = (commands.startup(), commands.pcr_extend(7, b"\x01" * 32))


def started(vtpm: Queue) -> Queue:
    """Start a TPM and leave a trace in PCR 7."""
    for command in STARTED:
        commands.submit(vtpm, command)
    return vtpm


def pcr(vtpm: GuestQueue) -> bytes:
    return commands.pcr_value(vtpm.transmit(commands.pcr_read(7)))


def ring(agent: Agent, index: int) -> Status | int:
    return Reply.from_registers(abi.doorbell(index), agent.smc(abi.doorbell(index)).x).status


@pytest.mark.threat(2)
@pytest.mark.element("E4")
@pytest.mark.usefixtures("monitor")
def test_a_vm_that_maps_the_queue_of_another_cannot_ring_for_it(vtpm: ManagedQueue, make_vm: MakeMonitorVm) -> None:
    started(vtpm)
    before, executed = pcr(vtpm), vtpm.instance.info().commands
    thief = make_vm()
    thief.map(queue_ipa(0), vtpm.instance.queue_pa, vtpm.instance.queue_bytes)
    stolen = GuestQueue.map(vtpm.instance, thief)
    stolen.place(0, EXTEND)
    assert stolen.submit(1).status == Status.NOT_PERMITTED
    assert stolen.check().status == Status.NOT_PERMITTED
    assert vtpm.instance.info().commands == executed
    stolen.write(abi.VTPM_RING_HEAD, stolen.control_page().tail)
    assert pcr(vtpm) == before


@pytest.mark.threat(2)
@pytest.mark.element("E4")
@pytest.mark.usefixtures("monitor")
def test_a_vm_with_a_tpm_of_its_own_reaches_only_that_one(make_vtpm: MakeManagedVtpm) -> None:
    """The thief puts a command in the victim's queue, and then rings with every FID it has."""
    victim, thief = started(make_vtpm()), started(make_vtpm())
    before = pcr(victim)
    thief.vm.map(queue_ipa(1), victim.instance.queue_pa, victim.instance.queue_bytes)
    thief.agent.map(queue_va(1), queue_ipa(1), victim.instance.queue_bytes)
    stolen = GuestQueue(victim.instance, thief.vm, thief.agent, queue_va(1))
    stolen.place(0, EXTEND)
    head = stolen.control_page().head
    stolen.write(abi.VTPM_RING_HEAD, head + 1)
    answers = [ring(thief.agent, index) for index in range(abi.VTPM_MAX_INDEX + 1)]
    assert answers == [Status.OK] + [Status.NOT_PERMITTED] * abi.VTPM_MAX_INDEX
    assert stolen.control_page().tail == head
    stolen.write(abi.VTPM_RING_HEAD, head)
    assert pcr(victim) == before


@pytest.mark.threat(2)
@pytest.mark.element("E4")
def test_a_vm_rings_for_itself_whatever_doorbell_it_presses(make_vtpm: MakeVtpm) -> None:
    victim, thief = started(make_vtpm()), started(make_vtpm())
    before, executed = pcr(victim), victim.instance.info().commands
    victim.place(0, EXTEND)
    victim.write(abi.VTPM_RING_HEAD, victim.control_page().head + 1)
    answers = [ring(thief.agent, index) for index in range(abi.VTPM_MAX_INDEX + 1)]
    assert answers == [Status.OK] + [Status.NOT_PERMITTED] * abi.VTPM_MAX_INDEX
    assert victim.instance.info().commands == executed
    victim.write(abi.VTPM_RING_HEAD, victim.control_page().tail)
    assert pcr(victim) == before


@pytest.mark.threat(2)
def test_a_vm_without_a_tpm_can_ring_nothing(vtpm: GuestQueue, make_vm: MakeVm) -> None:
    assert vtpm.ring().status == Status.OK
    agent = make_vm().agent()
    answers = {ring(agent, index) for index in range(abi.VTPM_MAX_INDEX + 1)}
    assert answers == {Status.NOT_PERMITTED}


@pytest.mark.threat(3)
@pytest.mark.usefixtures("monitor")
def test_a_vm_with_the_same_vmid_but_other_tables_inherits_nothing(vtpm: ManagedQueue, make_vm: MakeMonitorVm) -> None:
    """KVM recycles VMIDs while their former owners live on."""
    started(vtpm)
    executed = vtpm.instance.info().commands
    heir = make_vm(vmid=vtpm.vm.vmid)
    assert heir.vmid == vtpm.vm.vmid
    assert heir.stage2_base != vtpm.vm.stage2_base
    assert ring(heir.agent(), 0) == Status.NOT_PERMITTED
    assert vtpm.instance.info().commands == executed


VMID_BITS = "ID_AA64MMFR1_EL1"
SIXTEEN = 2
"""Arm ARM, ID_AA64MMFR1_EL1.VMIDBits in bits 7:4."""


@pytest.mark.threat(3)
def test_all_sixteen_bits_of_a_vmid_count(monitor: Monitor, make_vm: MakeMonitorVm, make_vtpm: MakeManagedVtpm) -> None:
    """As with many VMs under KVM; the monitor uses long VMIDs (VTCR_EL2.VS) wherever there are some."""
    program = Program()
    program.mrs(r[0], VMID_BITS)
    program.halt()
    if monitor.run(program).require(f"reading {VMID_BITS}").r[0] >> 4 & 0xF != SIXTEEN:
        pytest.skip("the processor's VMIDs have 8 bits")
    low, high = make_vm(vmid=0x42), make_vm(vmid=0x142)
    long_one = started(make_vtpm(high))
    assert ring(high.agent(), 0) == Status.OK
    assert ring(low.agent(), 0) == Status.NOT_PERMITTED
    short_one = started(make_vtpm(low))
    assert ring(low.agent(), 0) == Status.OK
    assert long_one.instance.info().commands == short_one.instance.info().commands == len(STARTED)


@pytest.mark.threat(3)
def test_a_recycled_identity_is_dead_after_destroy_until_it_is_bound_again(
    service: Service, make_vtpm: MakeManagedVtpm, vm: VirtualMachine
) -> None:
    old = started(make_vtpm(vm))
    old.instance.destroy()
    assert ring(vm.agent(), 0) == Status.NOT_PERMITTED
    new = service.create(vm.id + 1000)
    assert ring(vm.agent(), 0) == Status.NOT_PERMITTED
    new.bind_to(vm)
    assert ring(vm.agent(), 0) == Status.OK


@pytest.mark.threat(3)
def test_an_identity_goes_to_another_vm_only_with_a_later_epoch(service: Service, vtpm: ManagedQueue) -> None:
    vm = vtpm.vm
    started(vtpm)
    vtpm.instance.bind_to(vm, epoch=100)
    heir = service.create(vm.id + 1000)
    for epoch in (1, 99, 100):
        with pytest.raises(ServiceError) as refusal:
            heir.bind_to(vm, epoch=epoch)
        assert refusal.value.status is Status.STALE_EPOCH
    before = vtpm.instance.info().commands
    heir.bind_to(vm, epoch=101)
    assert vtpm.instance.info().state == abi.VTPM_STATE_CREATED
    vtpm.place(0, EXTEND)
    vtpm.write(abi.VTPM_RING_HEAD, vtpm.control_page().head + 1)
    assert ring(vm.agent(), 0) == Status.OK
    assert vtpm.instance.info().commands == before
    assert heir.info().commands == 0


@pytest.mark.threat(3)
@pytest.mark.usefixtures("monitor")
def test_rebinding_takes_the_tpm_along_with_its_state(make_vm: MakeMonitorVm, vtpm: ManagedQueue) -> None:
    before = pcr(started(vtpm))
    new_home = make_vm()
    moved = ManagedQueue.attach(vtpm.instance, new_home)
    assert pcr(moved) == before
    assert ring(vtpm.agent, 0) == Status.NOT_PERMITTED
