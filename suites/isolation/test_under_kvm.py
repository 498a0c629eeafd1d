"""What is particular to VMs of KVM: it traps their SMCs, and answers all but the doorbells itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.deadline import Deadline
from hil.linux import GuestEnded
from hil.target.monitor import Program, ProgramEnd, TargetFault, r
from hil.target.tpm import commands
from hil.target.vtpm import GuestQueue, Status, abi, buffer_offset, queue_ipa
from suites.isolation.test_storms import storm

if TYPE_CHECKING:
    from hil.fixtures import MakeVtpm
    from hil.linux import Host
    from hil.target.monitor import Agent, ProgramOutcome
    from hil.target.vtpm import Vm

pytestmark = pytest.mark.usefixtures("host")

ALL_ONES = (1 << 64) - 1
TIMEOUT = 240.0
SHORT = 1.0
ELSEWHERE = 0x3_0000_0000
CPU_OFF, SYSTEM_OFF, SYSTEM_RESET = 0x8400_0002, 0x8400_0008, 0x8400_0009
EXTEND = commands.pcr_extend(7, b"\xa5" * 32)
BRANCH_TO_ITSELF = b"\x00\x00\x00\x14"


def started(queue: GuestQueue) -> GuestQueue:
    """Start a TPM and leave a trace in PCR 7."""
    for command in (commands.startup(), EXTEND):
        assert commands.submit(queue, command).code == commands.SUCCESS
    return queue


def pcr(queue: GuestQueue) -> bytes:
    return commands.pcr_value(queue.transmit(commands.pcr_read(7)))


def hvc(agent: Agent, fid: int) -> int:
    """Return x0 after an HVC with no arguments."""
    program = Program()
    program.set(r[0], fid)
    program.hvc()
    program.halt()
    return agent.run(program).require(f"calling {fid:#x} by HVC").r[0]


@pytest.mark.threat(4)
@pytest.mark.parametrize("fid", [SYSTEM_OFF, SYSTEM_RESET], ids=["off", "reset"])
@pytest.mark.parametrize("conduit", ["smc", "hvc"])
def test_a_vm_that_switches_itself_off_takes_nobody_along(
    host: Host, make_vtpm: MakeVtpm, conduit: str, fid: int
) -> None:
    neighbour, leaving = started(make_vtpm()), make_vtpm()
    before = pcr(neighbour)
    with pytest.raises(GuestEnded):
        leaving.agent.smc(fid) if conduit == "smc" else hvc(leaving.agent, fid)
    host.run("true")
    assert pcr(neighbour) == before


@pytest.mark.threat(4)
def test_a_processor_that_switches_itself_off_is_one_of_its_vm(shared: tuple[GuestQueue, GuestQueue]) -> None:
    gone, other = shared
    program = Program()
    program.set(r[0], CPU_OFF)
    program.smc()
    program.halt()
    assert gone.agent.run(program, Deadline.after(SHORT)).ended is ProgramEnd.STOPPED
    assert commands.submit(other, EXTEND).code == commands.SUCCESS


@pytest.mark.threat(4)
@pytest.mark.threat(5)
@pytest.mark.element("E6")
def test_a_management_call_of_a_vm_does_not_reach_the_service(vtpm: GuestQueue) -> None:
    before = vtpm.instance.info(), vtpm.control_page()
    for fid in range(abi.VTPM_FID_VERSION, abi.VTPM_FID_FORWARD + 1):
        assert vtpm.agent.smc(fid, 1, 0, 1, 0).x[0] == ALL_ONES, abi.call_name(fid)
    assert (vtpm.instance.info(), vtpm.control_page()) == before


@pytest.mark.element("E7")
def test_the_check_of_a_queue_is_not_for_vms_whose_calls_are_forwarded(vtpm: GuestQueue) -> None:
    """While EL3 works for them, it sees the host's tables, not theirs."""
    assert vtpm.check().status == Status.NOT_SUPPORTED


def test_kvm_forwards_a_doorbell_by_hvc_too(vtpm: GuestQueue) -> None:
    vtpm.place(0, commands.startup())
    vtpm.write(abi.VTPM_RING_HEAD, 1)
    assert hvc(vtpm.agent, vtpm.doorbell) == 0
    assert commands.Response.parse(vtpm.response()).code == commands.SUCCESS


@pytest.mark.threat(3)
@pytest.mark.threat(17)
def test_what_a_killed_vmm_leaves_is_nothing_and_its_neighbour_feels_nothing(make_vtpm: MakeVtpm) -> None:
    neighbour, killed = started(make_vtpm()), started(make_vtpm())
    before, owner = pcr(neighbour), killed.instance.info().vm_id
    killed.vm.destroy()
    with pytest.raises(GuestEnded):
        killed.ring()
    assert pcr(neighbour) == before
    heir = make_vtpm()
    assert heir.instance.info().vm_id not in {owner, neighbour.instance.info().vm_id}
    assert not any(heir.buffer())
    assert commands.submit(heir, EXTEND).code == commands.RC_INITIALIZE


@pytest.mark.element("E3")
@pytest.mark.threat(6)
@pytest.mark.parametrize("ipa", [0x0E00_0000, 0x0E10_0000, 0x0900_0000, 0x1_0000_0000])
def test_nothing_is_where_the_machine_has_secure_memory_and_devices(vm: Vm, ipa: int) -> None:
    agent = vm.agent()
    agent.map(ELSEWHERE, ipa, abi.VTPM_PAGE_BYTES, device=True)
    for access in (lambda: agent.read(ELSEWHERE, 8), lambda: agent.write(ELSEWHERE, bytes(8))):
        with pytest.raises(TargetFault) as fault:
            access()
        assert (fault.value.el, fault.value.taken.ipa) == (2, ipa)


@pytest.mark.element("E8")
@pytest.mark.fails_without("device_alignment")
def test_an_access_that_device_memory_does_not_allow_is_the_fault_of_its_vm_alone(make_vtpm: MakeVtpm) -> None:
    """KVM maps queues as device memory, whatever the VM's own tables say."""
    queue, neighbour = started(make_vtpm()), started(make_vtpm())
    program = Program()
    program.set(r[1], queue.va + buffer_offset(0) + 2)
    program.store(r[0], r[1], size=4)
    program.halt()
    with pytest.raises(TargetFault) as fault:
        queue.agent.run(program).require("an unaligned store")
    assert fault.value.el == 2
    assert pcr(queue) == pcr(neighbour)


@pytest.mark.threat(12)
@pytest.mark.threat(17)
def test_an_instance_that_ends_while_its_vcpus_storm_it_is_gone_for_them(
    shared: tuple[GuestQueue, GuestQueue], make_vtpm: MakeVtpm
) -> None:
    neighbour = started(make_vtpm())
    before = pcr(neighbour)
    pending = [storm(queue.agent, queue.doorbell, crb=queue.va, rounds=100_000) for queue in shared]
    shared[0].instance.destroy()
    for outcome in (one.wait(Deadline.after(TIMEOUT)) for one in pending):
        assert_queue_was_gone(outcome)
    assert shared[0].ring().status == Status.NOT_PERMITTED
    assert pcr(neighbour) == before


def assert_queue_was_gone(outcome: ProgramOutcome) -> None:
    """The program was stopped by the first store to a queue that was no more."""
    assert outcome.ended is ProgramEnd.FAULTED
    assert outcome.fault is not None
    assert outcome.fault.el == 2
    assert outcome.fault.ipa in (0, queue_ipa(0)), "KVM does not say where, while the queue is being taken away"


def test_an_agent_that_has_lost_itself_is_stopped_and_starts_afresh(vtpm: GuestQueue) -> None:
    program = Program()
    program.put(BRANCH_TO_ITSELF)
    program.data(r[1])
    program.call(r[1])
    program.halt()
    assert vtpm.agent.run(program, Deadline.after(SHORT)).ended is ProgramEnd.STOPPED
    again = GuestQueue.map(vtpm.instance, vtpm.vm)
    assert commands.submit(again, commands.startup()).code == commands.SUCCESS
