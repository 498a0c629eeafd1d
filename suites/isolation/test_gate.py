"""A guest whose SMCs reach EL3 directly gets the few calls meant for it, and nothing else of the firmware."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from hil.deadline import Deadline
from hil.target.monitor import Program, Reg, r
from hil.target.tpm import commands
from hil.target.vtpm import Reply, Service, Status, abi

if TYPE_CHECKING:
    from hil.target.monitor import Monitor, Runner, VirtualMachine
    from hil.target.vtpm import GuestQueue, ManagedQueue, Vm

ALL_ONES = (1 << 64) - 1
PSCI_VERSION = 0x8400_0000
SVE_HINT = 1 << 16
SMCCC_VERSION = 0x8000_0000
SMCCC_ARCHITECTURE = range(0x8000_0000, 0x8001_0000)
DOORBELLS = set(map(abi.doorbell, range(abi.VTPM_MAX_INDEX + 1)))
FOR_GUESTS = {abi.VTPM_FID_VERSION, abi.VTPM_FID_QUEUE_CHECK, *DOORBELLS}
OF_EVERY_HYPERVISOR = {4, 5, 6}
"""Owners of the calls that a hypervisor answers itself, if it traps them: power, paravirtual time, its own (SMCCC)."""

MANAGEMENT = {
    name.removeprefix("VTPM_FID_"): value
    for name, value in abi.CONSTANTS.items()
    if name.startswith("VTPM_FID_") and abi.VTPM_FID_LIMITS <= value <= abi.VTPM_FID_FORWARD
}
NO_GUEST_BUSINESS = {Status.NOT_PERMITTED, Status.NOT_SUPPORTED}

BASES, FUNCTIONS, FOUND = 0, 0x1000, 0x2000
"""Where the sweep keeps its lists in the agent's data area."""


def sweep(runner: Runner, bases: list[int], functions: list[int]) -> set[int]:
    """Call every base | function with zeros as arguments; return those that do not answer NOT_SUPPORTED."""
    base, function, base_end, function_end, fid, found, count = (Reg(index) for index in range(18, 25))
    program = Program()
    program.put(struct.pack(f"<{len(bases)}Q", *bases), BASES)
    program.put(struct.pack(f"<{len(functions)}Q", *functions), FUNCTIONS)
    program.data(base, BASES)
    program.data(base_end, BASES + 8 * len(bases))
    program.data(function_end, FUNCTIONS + 8 * len(functions))
    program.data(found, FOUND)
    program.label("next base")
    program.data(function, FUNCTIONS)
    program.label("next function")
    for index in range(1, 18):
        program.set(r[index], 0)
    program.load(fid, base)
    program.load(r[0], function)
    program.or_(fid, fid, r[0])
    program.move(r[0], fid)
    program.smc()
    program.and_(r[0], r[0], 0xFFFF_FFFF)
    program.branch(r[0], "==", 0xFFFF_FFFF, "not supported")
    program.store(fid, found)
    program.add(found, found, 8)
    program.add(count, count, 1)
    program.label("not supported")
    program.add(function, function, 8)
    program.branch(function, "<", function_end, "next function")
    program.add(base, base, 8)
    program.branch(base, "<", base_end, "next base")
    program.halt()
    program.want((count,), offset=FOUND, size=0x4000)
    outcome = runner.run(program, Deadline.after(60)).require("sweeping function identifiers")
    answered = outcome.r[count.index]
    assert answered <= 0x4000 // 8
    return set(struct.unpack_from(f"<{answered}Q", outcome.data))


def calls_for(vm: Vm) -> set[int]:
    """Return the calls that lead a VM to the service: all that EL3 has for it, or what its hypervisor forwards."""
    return DOORBELLS if vm.trap_smc else FOR_GUESTS


EVERY_OWNER = [convention << 30 | owner << 24 for convention in range(4) for owner in range(64)]


def owners_for(vm: Vm, owners: list[int] = EVERY_OWNER) -> list[int]:
    """Leave out what is between a VM and its hypervisor alone, such as the VM's own power switch."""
    return [owner for owner in owners if not vm.trap_smc or owner >> 24 & 0x3F not in OF_EVERY_HYPERVISOR]


COMMON_FUNCTIONS = [*range(0x40), 0x3FFF, 0x7FFF, 0x8000, *range(0xFF00, 0xFF10), 0xFFFF]


@pytest.mark.threat(4)
def test_a_guest_finds_only_the_calls_meant_for_it_in_all_ranges(vtpm: GuestQueue) -> None:
    answered = sweep(vtpm.agent, owners_for(vtpm.vm), COMMON_FUNCTIONS)
    assert {fid for fid in answered if fid not in SMCCC_ARCHITECTURE} == calls_for(vtpm.vm)
    assert SMCCC_VERSION in answered


@pytest.mark.threat(4)
def test_bits_that_must_be_zero_open_no_back_door(vtpm: GuestQueue) -> None:
    owners = [convention << 30 | owner << 24 for convention in (2, 3) for owner in range(9)]
    reserved = [owner | 1 << bit for owner in owners for bit in range(17, 24)]
    assert sweep(vtpm.agent, owners_for(vtpm.vm, reserved), [*range(0x24), 0xFF01]) == set()


@pytest.mark.threat(4)
@pytest.mark.usefixtures("monitor")
def test_the_hint_that_a_caller_may_give_changes_nothing(vtpm: ManagedQueue) -> None:
    """Bit 16 says that the caller has no live SVE state (SMCCC 1.3): the same calls answer, and a doorbell rings."""
    owners = [convention << 30 | owner << 24 | SVE_HINT for convention in (2, 3) for owner in range(9)]
    answered = {fid & ~SVE_HINT for fid in sweep(vtpm.agent, owners, [*range(0x24), 0xFF01])}
    assert {fid for fid in answered if fid not in SMCCC_ARCHITECTURE} == calls_for(vtpm.vm)
    vtpm.place(0, commands.startup())
    vtpm.write(abi.VTPM_RING_HEAD, vtpm.control_page().head + 1)
    assert vtpm.agent.smc(vtpm.doorbell | SVE_HINT).x[0] == Status.OK
    assert commands.Response.parse(vtpm.response()).code == commands.SUCCESS


@pytest.mark.threat(4)
def test_the_whole_power_range_is_closed_to_a_guest_and_open_to_the_hypervisor(
    monitor: Monitor, vm: VirtualMachine
) -> None:
    assert sweep(vm.agent(), [0x8400_0000, 0xC400_0000], list(range(0x100))) == set()
    assert sweep(monitor, [0x8400_0000], [0]) == {PSCI_VERSION}


@pytest.mark.threat(4)
@pytest.mark.parametrize(
    "fid",
    [
        pytest.param(0x8400_0002, id="CPU_OFF"),
        pytest.param(0x8400_0008, id="SYSTEM_OFF"),
        pytest.param(0x8401_0008, id="SYSTEM_OFF-with-hint"),
        pytest.param(0x8400_0009, id="SYSTEM_RESET"),
        pytest.param(0xC400_0012, id="SYSTEM_RESET2"),
        pytest.param(0xC400_0003, id="CPU_ON"),
    ],
)
def test_a_guest_cannot_switch_anything_off_or_on(monitor: Monitor, vm: VirtualMachine, fid: int) -> None:
    agent = vm.agent()
    assert agent.smc(fid).x[0] & 0xFFFF_FFFF == 0xFFFF_FFFF
    assert agent.smc(SMCCC_VERSION).x[0] >= 0x1_0000
    assert monitor.smc(abi.VTPM_FID_VERSION).x[0] > 0


@pytest.mark.usefixtures("monitor")
@pytest.mark.threat(4)
def test_smcs_reach_el3_without_a_trap_to_the_hypervisor(vm: VirtualMachine) -> None:
    before = vm.traps()
    assert vm.agent().smc(abi.VTPM_FID_VERSION).x[0] == abi.VTPM_VERSION_MAJOR << 16 | abi.VTPM_VERSION_MINOR
    assert vm.traps() == before


@pytest.mark.usefixtures("monitor")
@pytest.mark.element("E1")
def test_a_hypervisor_that_traps_smcs_cuts_the_guest_off(vm: VirtualMachine) -> None:
    """So what answered before was below EL2, and EL3 is the only level there."""
    vm.trap_smc = True
    agent = vm.agent()
    assert agent.smc(abi.VTPM_FID_VERSION).x[0] == ALL_ONES
    assert vm.smc_traps() == 1
    vm.trap_smc = False
    assert agent.smc(abi.VTPM_FID_VERSION).x[0] != ALL_ONES
    assert vm.smc_traps() == 1


@pytest.mark.element("E1")
def test_the_service_answers_a_caller_at_el2_so_it_runs_at_el3(monitor: Monitor) -> None:
    program = Program()
    program.mrs(r[29], "CurrentEL")
    program.set(r[0], abi.VTPM_FID_CALL_UID)
    program.smc()
    program.halt()
    outcome = monitor.run(program).require("calling from EL2")
    assert outcome.r[29] >> 2 == 2
    assert outcome.r[:4] == (abi.VTPM_UID_W0, abi.VTPM_UID_W1, abi.VTPM_UID_W2, abi.VTPM_UID_W3)


@pytest.mark.threat(5)
@pytest.mark.element("E6")
@pytest.mark.parametrize("name", MANAGEMENT)
def test_a_guest_cannot_make_management_calls(service: Service, vtpm: ManagedQueue, name: str) -> None:
    """Arguments with which the same call would work from EL2."""
    arguments = {
        "LIMITS": (0,),
        "CREATE": (99, 0, 1, 0),
        "BIND": (vtpm.instance.handle, vtpm.vm.vmid, vtpm.vm.stage2_base, 1000, 0),
    }.get(name, (vtpm.instance.handle, 0))
    before = service.limits(), vtpm.instance.info(), vtpm.control_page()
    reply = Reply.from_registers(MANAGEMENT[name], vtpm.agent.smc(MANAGEMENT[name], *arguments).x)
    assert reply.status in NO_GUEST_BUSINESS
    assert not any(reply.values) or reply.values == (*arguments, *(0,) * 7)[:7]
    assert (service.limits(), vtpm.instance.info(), vtpm.control_page()) == before


@pytest.mark.threat(5)
@pytest.mark.element("E6")
@pytest.mark.usefixtures("monitor")
def test_a_guest_without_a_translation_of_its_own_is_still_a_guest(vtpm: ManagedQueue) -> None:
    """HCR_EL2.DC switches stage 1 off and stage 2 on, whatever HCR_EL2.VM says; nobody with it set is a hypervisor."""
    vtpm.vm.default_cacheable = True
    for name, fid in MANAGEMENT.items():
        reply = Reply.from_registers(fid, vtpm.agent.smc(fid, vtpm.instance.handle).x)
        assert reply.status in NO_GUEST_BUSINESS, name
    assert vtpm.agent.smc(PSCI_VERSION).x[0] & 0xFFFF_FFFF == 0xFFFF_FFFF
    assert vtpm.agent.smc(vtpm.doorbell).x[0] == Status.OK
    vtpm.vm.default_cacheable = False
    assert vtpm.ring().status == Status.OK


@pytest.mark.element("E6")
def test_hypervisor_and_guest_each_have_their_calls(service: Service, vtpm: ManagedQueue) -> None:
    assert vtpm.ring().status == Status.OK
    assert vtpm.check().status == Status.OK
    assert vtpm.instance.info().vm_id == vtpm.vm.id
    from_el2 = {service.call(abi.doorbell(index)).status for index in range(abi.VTPM_MAX_INDEX + 1)}
    assert from_el2 == {Status.NOT_PERMITTED}


def test_the_hypervisor_finds_only_documented_calls_in_the_oem_range(monitor: Monitor) -> None:
    documented = {value for name, value in abi.CONSTANTS.items() if name.startswith("VTPM_FID_")}
    documented |= FOR_GUESTS
    unbuilt = {abi.VTPM_FID_SAVE, abi.VTPM_FID_RESTORE}
    smc32, smc64 = ([convention << 24 | high << 8 for high in range(256)] for convention in (0x83, 0xC3))
    every_low_byte = list(range(256))
    answered = sweep(monitor, smc32, every_low_byte) | sweep(monitor, smc64, every_low_byte)
    assert answered == documented - unbuilt
    assert sweep(monitor, [0x0300_0000, 0x4300_0000], COMMON_FUNCTIONS) == set()
