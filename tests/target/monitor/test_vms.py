"""VMs: translation, isolation, life and limits."""

from __future__ import annotations

import pytest

from hil.deadline import Deadline
from hil.errors import UsageError
from hil.target.monitor import Monitor, MonitorRefused, Program, ProgramEnd, TargetFault, VirtualMachine, r
from tests.target.monitor.programs import current_el, endless, meeting

pytestmark = pytest.mark.emulator

PSCI_VERSION = 0x8400_0000
FREE_RAM = 0x43FF_0000
UART = 0x0900_0000
EL1_FAULT, EL2_FAULT = 1, 2
TRANSLATION, PERMISSION = 0x04, 0x0C


def status(fault: TargetFault) -> int:
    return fault.esr & 0x3C


def test_stage_1_and_stage_2_decide_what_an_agent_reaches(vm: VirtualMachine, monitor: Monitor) -> None:
    agent, va, ipa = vm.agent(), 0x1_0000_0000, 0x8000_0000
    monitor.write(FREE_RAM, b"shared page")
    with pytest.raises(TargetFault) as caught:
        agent.read(va, 8)
    assert (caught.value.el, status(caught.value)) == (EL1_FAULT, TRANSLATION)
    agent.map(va, ipa, 4096)
    with pytest.raises(TargetFault) as caught:
        agent.read(va, 8)
    assert (caught.value.el, status(caught.value), caught.value.taken.ipa) == (EL2_FAULT, TRANSLATION, ipa)
    vm.map(ipa, FREE_RAM, 4096, writable=False)
    assert agent.read(va, 11) == b"shared page"
    with pytest.raises(TargetFault) as caught:
        agent.write(va, b"x")
    assert (caught.value.el, status(caught.value)) == (EL2_FAULT, PERMISSION)
    vm.map(ipa, FREE_RAM, 4096)
    agent.write(va, b"S")
    assert monitor.read(FREE_RAM, 6) == b"Shared"
    agent.map(va, ipa, 4096, writable=False)
    with pytest.raises(TargetFault) as caught:
        agent.write(va, b"x")
    assert (caught.value.el, status(caught.value)) == (EL1_FAULT, PERMISSION)
    vm.unmap(ipa, 4096)
    with pytest.raises(TargetFault):
        agent.read(va, 1)
    agent.unmap(va, 4096)
    with pytest.raises(TargetFault) as caught:
        agent.read(va, 1)
    assert caught.value.el == EL1_FAULT


def test_unmapping_stage_2_reaches_a_guest_that_is_running(vm: VirtualMachine, monitor: Monitor) -> None:
    program = Program()
    program.set(r[0], vm.free_ipa + 4096)
    program.set(r[2], vm.free_ipa)
    program.load(r[1], r[0])
    program.fetch_add(r[3], r[2], 1)
    program.label("again")
    program.load(r[1], r[0])
    program.jump("again")
    pending = vm.agent().start(program, Deadline.after(5))
    monitor.run(meeting(vm.ram_pa + vm.free_ipa - vm.ram_ipa, 2)).require()
    vm.unmap(vm.free_ipa + 4096, 4096)
    outcome = pending.wait()
    assert outcome.ended == ProgramEnd.FAULTED
    assert outcome.fault is not None
    assert outcome.fault.ipa == vm.free_ipa + 4096


def test_device_mappings_reach_devices(vm: VirtualMachine) -> None:
    agent = vm.agent()
    vm.map(0x9000_0000, UART, 4096, device=True)
    agent.map(0x1_0000_0000, 0x9000_0000, 4096, device=True)
    assert agent.read(0x1_0000_0000 + 0xFE0, 4) == b"\x11\0\0\0"  # PL011 peripheral ID 0


@pytest.mark.parametrize(("va", "length"), [(1, 4096), (0x1000, 1), (1 << 39, 4096), (0x1000, 0)])
def test_impossible_mappings_are_refused(vm: VirtualMachine, va: int, length: int) -> None:
    with pytest.raises(UsageError):
        vm.agent().map(va, 0x8000_0000, length)
    with pytest.raises(MonitorRefused):
        vm.map(va, FREE_RAM, length)


def test_translation_can_be_asked_for(vm: VirtualMachine) -> None:
    agent, va = vm.agent(), 0x1_0000_0000
    agent.map(va, vm.free_ipa, 4096)
    program = Program()
    program.set(r[1], va)
    program.translate(r[1], "AT S1E1R")
    program.set(r[2], va + 4096)
    program.translate(r[2], "AT S1E1R")
    program.halt()
    good, bad = agent.run(program).require().r[1:3]
    assert good & 1 == 0
    assert good & 0xFFFF_FFFF_F000 == vm.free_ipa
    assert bad & 1 == 1


def test_vcpus_share_memory_and_not_address_spaces(vm: VirtualMachine) -> None:
    vm.agent(0).write(vm.free_ipa, b"from vCPU 0")
    assert vm.agent(1).read(vm.free_ipa, 11) == b"from vCPU 0"
    vm.agent(0).map(0x1_0000_0000, vm.free_ipa, 4096)
    with pytest.raises(TargetFault):
        vm.agent(1).read(0x1_0000_0000, 1)


def test_vms_share_nothing(vm: VirtualMachine, monitor: Monitor) -> None:
    other = monitor.create_vm()
    assert (other.ram_ipa, other.ram_pa != vm.ram_pa, other.stage2_base != vm.stage2_base) == (vm.ram_ipa, True, True)
    vm.agent().write(vm.free_ipa, b"mine")
    assert other.agent().read(other.free_ipa, 4) == bytes(4)
    assert monitor.read(vm.ram_pa + vm.free_ipa - vm.ram_ipa, 4) == b"mine"
    other.destroy()


def test_a_new_vm_finds_nothing_of_the_one_before(monitor: Monitor) -> None:
    old = monitor.create_vm()
    old.agent().write(old.free_ipa, b"secret" * 100)
    old.destroy()
    new = monitor.create_vm()
    assert new.ram_pa == old.ram_pa
    assert new.agent().read(new.free_ipa, 600) == bytes(600)
    new.destroy()


def test_a_busy_agent_refuses_and_its_vm_cannot_be_destroyed(vm: VirtualMachine) -> None:
    pending = vm.agent().start(endless(), Deadline.after(1))
    with pytest.raises(MonitorRefused, match="busy"):
        vm.agent().start(endless())
    with pytest.raises(MonitorRefused, match="busy"):
        vm.destroy()
    assert pending.wait().ended == ProgramEnd.DEADLINE


def test_smcs_trap_only_when_the_vm_says_so_and_nothing_else_traps(vm: VirtualMachine) -> None:
    agent = vm.agent()
    assert agent.smc(PSCI_VERSION).x[0] >= 0x1_0000
    agent.write(vm.free_ipa, b"x" * 5000)
    assert vm.traps() == 0
    vm.trap_smc = True
    assert agent.smc(PSCI_VERSION).x[0] == (1 << 64) - 1
    assert (vm.traps(), vm.smc_traps()) == (1, 1)
    vm.trap_smc = False
    assert agent.smc(PSCI_VERSION).x[0] >= 0x1_0000
    assert vm.smc_traps() == 1


def test_vmid_and_stage_2_base_are_what_el3_would_see(vm: VirtualMachine, monitor: Monitor) -> None:
    twin = monitor.create_vm(vmid=vm.vmid)
    assert twin.vmid == vm.vmid
    current_el(twin.agent())
    program = Program()
    program.mrs(r[1], "VTTBR_EL2")
    program.halt()
    seen = [monitor.cpu(index).run(program).require().r[1] for index in range(1, 4)]
    assert twin.vmid << 48 | twin.stage2_base in seen
    twin.destroy()


def test_three_hundred_vms_live_and_all_of_them_answer(monitor: Monitor) -> None:
    vms = [monitor.create_vm() for _ in range(300)]
    assert len({vm.stage2_base for vm in vms}) == len({vm.vmid for vm in vms}) == len({vm.ram_pa for vm in vms}) == 300
    for number in (0, 150, 299):
        vms[number].agent().write(vms[number].free_ipa, bytes([number & 0xFF]))
    assert [vms[number].agent().read(vms[number].free_ipa, 1)[0] for number in (0, 150, 299)] == [0, 150, 299 & 0xFF]
    for vm in vms:
        vm.destroy()


def test_running_out_of_ram_is_refused_and_leaks_nothing(monitor: Monitor) -> None:
    for _ in range(3):
        big = monitor.create_vm(ram_bytes=0x800_0000)
        with pytest.raises(MonitorRefused, match="space"):
            monitor.create_vm(ram_bytes=0x800_0000)
        assert current_el(big.agent()) == 1
        big.destroy()


@pytest.mark.parametrize(
    ("ram", "vcpus", "vmid"), [(0, 1, 1), (5, 1, 1), (0x80000, 0, 1), (0x80000, 4, 1), (0x80000, 1, 1 << 16)]
)
def test_impossible_vms_are_refused(monitor: Monitor, ram: int, vcpus: int, vmid: int) -> None:
    with pytest.raises(MonitorRefused, match="argument"):
        monitor.create_vm(ram_bytes=ram, vcpus=vcpus, vmid=vmid)


def test_a_destroyed_vm_and_its_agents_are_gone(monitor: Monitor) -> None:
    vm = monitor.create_vm()
    agent = vm.agent()
    vm.destroy()
    with pytest.raises(MonitorRefused, match="no such"):
        agent.read(0x4000_0000, 1)
    with pytest.raises(MonitorRefused, match="no such"):
        vm.destroy()
