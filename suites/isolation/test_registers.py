"""No register carries anything across the boundary but what the ABI says: both ways, whatever the call."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from hil.deadline import Deadline
from hil.target.monitor import Program, r
from hil.target.monitor import abi as agent_abi
from hil.target.tpm import Tpm, check_signature, commands
from hil.target.vtpm import Reply, Service, Status, abi
from suites.isolation import engine_patch as patch

if TYPE_CHECKING:
    from hil.fixtures import HostMemory, MakeManagedVtpm, MakeVtpm
    from hil.target.monitor import Monitor, Runner
    from hil.target.vtpm import GuestQueue, ManagedQueue, Vm

FIRST_PRESERVED = 4
CANARIES = tuple(0xCA11_AB1E_0000_0000 | index for index in range(31))
SYSTEM_OFF = 0x8400_0008
UNKNOWN = (0xC300_00FF, 0x8300_FFFF, 0xC200_0000)
EVERY_CALL = {
    **{name.removeprefix("VTPM_FID_"): fid for name, fid in abi.CONSTANTS.items() if name.startswith("VTPM_FID_")},
    "DOORBELL_15": abi.doorbell(abi.VTPM_MAX_INDEX),
    **{f"{fid:#x}": fid for fid in UNKNOWN},
}
ANSWERS_OTHERWISE = {"VERSION": 2, "CALL_UID": 4, "REVISION": 2}
"""Registers from x0 on that carry the answer of a call that everybody may make."""


def results_of(name: str) -> int:
    """How many registers behind x0 carry the answer."""
    return ANSWERS_OTHERWISE.get(name, 1) - 1


def call(caller: Runner, fid: int, *arguments: int) -> tuple[int, ...]:
    """Return x0 to x30 after a call with these arguments, and canaries in all other registers."""
    return caller.smc(fid, *arguments, *CANARIES[len(arguments) + 1 :]).registers


def check(registers: tuple[int, ...], *arguments: int, results: int) -> None:
    """Registers behind the results hold zero or what the caller put there (x1-x3), or only the latter (from x4 on).

    SMCCC 1.1: callers save x0-x3 only. Linux' inline SMCs (arm_smccc_1_1_smc) rely on it.
    """
    before = (0, *arguments, *CANARIES[len(arguments) + 1 :])
    for index in range(results + 1, 31):
        allowed = {before[index]} if index >= FIRST_PRESERVED else {0, before[index]}
        assert registers[index] in allowed, f"x{index} = {registers[index]:#x}"


@pytest.mark.threat(8)
@pytest.mark.parametrize("name", EVERY_CALL)
def test_a_call_of_a_guest_with_senseless_arguments_leaves_nothing_in_registers(vtpm: GuestQueue, name: str) -> None:
    check(call(vtpm.agent, EVERY_CALL[name]), results=results_of(name))


@pytest.mark.threat(8)
@pytest.mark.parametrize("name", EVERY_CALL)
def test_a_call_of_the_hypervisor_with_senseless_arguments_leaves_nothing_in_registers(
    monitor: Monitor, name: str
) -> None:
    check(call(monitor, EVERY_CALL[name]), results=results_of(name))


@pytest.mark.threat(8)
@pytest.mark.usefixtures("monitor")
def test_a_power_off_that_is_refused_leaves_nothing_in_registers(vtpm: GuestQueue) -> None:
    check(call(vtpm.agent, SYSTEM_OFF), results=0)


@pytest.mark.threat(8)
def test_a_call_that_succeeds_returns_its_results_and_nothing_else(
    monitor: Monitor, service: Service, vtpm: ManagedQueue
) -> None:
    commands.submit(vtpm, commands.startup())
    vm, other = vtpm.vm, service.create(1000)
    calls = [
        (monitor, abi.VTPM_FID_LIMITS, (abi.VTPM_LIMITS_INSTANCES,), 7),
        (monitor, abi.VTPM_FID_LIMITS, (abi.VTPM_LIMITS_MEMORY,), 7),
        (monitor, abi.VTPM_FID_CREATE, (1001, 0, 1, 0, 0, 0, 0), 3),
        (monitor, abi.VTPM_FID_BIND, (other.handle, vm.vmid + 1, vm.stage2_base, 1, 0), 0),
        (monitor, abi.VTPM_FID_INFO, (other.handle, abi.VTPM_INFO_STATE), 7),
        (monitor, abi.VTPM_FID_INFO, (other.handle, abi.VTPM_INFO_TICKS), 6),
        (monitor, abi.VTPM_FID_FORWARD, (other.handle,), 0),
        (monitor, abi.VTPM_FID_RESET, (other.handle,), 0),
        (monitor, abi.VTPM_FID_DESTROY, (other.handle,), 0),
        (vtpm.agent, abi.VTPM_FID_QUEUE_CHECK, (vtpm.va, 0), 0),
    ]
    for caller, fid, arguments, results in calls:
        registers = call(caller, fid, *arguments)
        assert Reply.from_registers(fid, registers).status == Status.OK, abi.call_name(fid)
        assert not any(registers[results + 1 : FIRST_PRESERVED]), abi.call_name(fid)
        check(registers, *arguments, results=results)


@pytest.mark.threat(8)
@pytest.mark.parametrize(
    "command",
    [commands.startup(), commands.get_random(32), commands.pcr_extend(1, bytes(32))],
    ids=["start", "random", "extend"],
)
def test_a_doorbell_that_runs_a_command_returns_zero_and_leaves_registers_alone(
    vtpm: GuestQueue, command: bytes
) -> None:
    commands.submit(vtpm, commands.startup())
    vtpm.place(0, command)
    vtpm.write(abi.VTPM_RING_HEAD, 2)
    registers = call(vtpm.agent, vtpm.doorbell)
    assert registers[0] == 0
    assert vtpm.vm.trap_smc or not any(registers[:FIRST_PRESERVED]), "what EL3 answers itself is zero, too"
    check(registers, results=0)
    assert vtpm.control_page().tail == 2


MARKED = {
    "PAR_EL1": 0x0000_5A5A_5A5A_5000,
    "FAR_EL1": 0x0000_1234_5678_9ABC,
    "TPIDR_EL1": 0xC0FF_EE00_DEAD_BEEF,
    "TPIDR_EL0": 0x0123_4567_89AB_CDEF,
    "TPIDRRO_EL0": 0xFEDC_BA98_7654_3210,
    "CONTEXTIDR_EL1": 0x7654_3210,
}
"""Registers that a program may set to anything, PAR_EL1 to what a translation that succeeded leaves in it."""

MARKED_WITHOUT_EXCEPTIONS = {
    "ELR_EL1": 0x0000_5555_AAAA_0008,
    "SPSR_EL1": 0x6000_03C4,
    "ESR_EL1": 0x5600_1234,
    "CPACR_EL1": 1 << 20,
    "S3_0_C14_C1_0": 2,
    "S2_0_C0_C2_2": 1 << 15,
    "S3_3_C9_C14_0": 5,
    "S3_2_C0_C0_0": 2,
    "S2_0_C0_C0_4": 0x0000_7777_0000_0004,
    "S2_0_C0_C0_6": 0x0000_7777_0000_0008,
    "S3_3_C14_C2_2": 0x1357_9BDF_0246_8ACE,
    "S3_3_C14_C3_2": 0x0246_8ACE_1357_9BDF,
}
"""The same, for a guest that takes no exception meanwhile: KVM answers some of these by an undefined instruction.

The ones without a name are CNTKCTL_EL1 (only the virtual counter), MDSCR_EL1 (MDE), PMUSERENR_EL0 (EN, CR), CSSELR_EL1,
DBGBVR0_EL1, DBGWVR0_EL1, CNTP_CVAL_EL0 and CNTV_CVAL_EL0. No value is one that the engine runs with.
"""

SYSTEM_REGISTERS = (
    *MARKED,
    *("SCTLR_EL1", "CPACR_EL1", "TTBR0_EL1", "TTBR1_EL1", "TCR_EL1", "MAIR_EL1", "VBAR_EL1", "SP_EL0"),
    *("ESR_EL1", "ELR_EL1", "SPSR_EL1", "S3_0_C10_C3_0", "S3_0_C5_C1_0", "S3_0_C5_C1_1", "S3_0_C14_C1_0"),
)
"""State of EL1 and EL0; the last four are AMAIR_EL1, AFSR0_EL1, AFSR1_EL1 and CNTKCTL_EL1."""


def system_registers_around(
    caller: Runner, fid: int, *arguments: int, marked: dict[str, int] = MARKED
) -> tuple[int, dict[str, tuple[int, int]]]:
    """Return x0 of a call, and each system register before and after it."""
    registers = tuple(dict.fromkeys((*SYSTEM_REGISTERS, *marked)))
    size = 8 * len(registers)
    program = Program()
    for name, value in marked.items():
        program.set(r[18], value)
        program.msr(name, r[18])
    for position in (0, size):
        program.data(r[19], position)
        for index, name in enumerate(registers):
            program.mrs(r[18], name)
            program.store(r[18], r[19], 8 * index)
        if position == 0:
            for index, value in enumerate((fid, *arguments)):
                program.set(r[index], value)
            program.smc()
    program.halt()
    program.want(r[:1], size=2 * size)
    outcome = caller.run(program, Deadline.after(60)).require("comparing system registers")
    words = struct.unpack(f"<{2 * len(registers)}Q", outcome.data)
    pairs = zip(words[: len(registers)], words[len(registers) :], strict=True)
    return outcome.r[0], dict(zip(registers, pairs, strict=True))


@pytest.mark.threat(8)
@pytest.mark.usefixtures("monitor")
@pytest.mark.parametrize("mapped", [True, False], ids=["mapped", "unmapped"])
def test_a_check_of_the_queue_leaves_no_address_in_a_system_register(vtpm: ManagedQueue, mapped: bool) -> None:
    """EL3 walks the guest's tables for it, with an instruction that leaves a physical address in PAR_EL1."""
    if not mapped:
        vtpm.agent.unmap(vtpm.va, vtpm.instance.queue_bytes)
    status, registers = system_registers_around(vtpm.agent, abi.VTPM_FID_QUEUE_CHECK, vtpm.va, 0)
    assert status == (Status.OK if mapped else Status.BAD_ADDRESS % 2**64)
    assert {name: after for name, (before, after) in registers.items() if before != after} == {}
    assert registers["PAR_EL1"] == (MARKED["PAR_EL1"],) * 2


@pytest.mark.threat(8)
@pytest.mark.parametrize("name", EVERY_CALL)
def test_no_call_of_a_guest_changes_a_system_register(vtpm: GuestQueue, name: str) -> None:
    commands.submit(vtpm, commands.startup())
    vtpm.place(0, commands.get_random(32))
    vtpm.write(abi.VTPM_RING_HEAD, vtpm.control_page().head + 1)
    _, registers = system_registers_around(vtpm.agent, EVERY_CALL[name], vtpm.va, 0)
    assert {name: after for name, (before, after) in registers.items() if before != after} == {}


@pytest.mark.threat(8)
@pytest.mark.usefixtures("monitor")
def test_a_command_changes_no_system_register_that_its_guest_can_set(vtpm: GuestQueue) -> None:
    """The engine runs at S-EL0 with values of its own in most of them."""
    commands.submit(vtpm, commands.startup())
    vtpm.place(0, commands.get_random(32))
    vtpm.write(abi.VTPM_RING_HEAD, vtpm.control_page().head + 1)
    marked = MARKED | MARKED_WITHOUT_EXCEPTIONS
    status, registers = system_registers_around(vtpm.agent, vtpm.doorbell, marked=marked)
    assert status == Status.OK
    assert {name: after for name, (before, after) in registers.items() if before != after} == {}
    assert registers["ELR_EL1"] == (marked["ELR_EL1"],) * 2


FP_BYTES = agent_abi.AGENT_FP_BYTES
FP_BEFORE, FP_AFTER = 0, 0x1000
ROUND_TO_ZERO_FLUSH_DEFAULT_NAN = 0x03C0_0000  # FPCR: DN, FZ, RMode = 3; Arm ARM C5.2.8
SATURATED_AND_INEXACT = 0x0800_0010  # FPSR: QC, IXC; Arm ARM C5.2.10


def fp_state() -> bytes:
    """A state in which every byte of every register differs from its neighbours."""
    vectors = bytes((37 * index + 11) & 0xFF for index in range(32 * 16))
    return vectors + struct.pack("<QQ", ROUND_TO_ZERO_FLUSH_DEFAULT_NAN, SATURATED_AND_INEXACT)


def fp_around(caller: Runner, fid: int, *arguments: int) -> tuple[int, bytes]:
    """Return x0, and v0-v31, FPCR and FPSR after a call that was made with `fp_state`."""
    program = Program()
    program.put(fp_state(), FP_BEFORE)
    program.data(r[30], FP_BEFORE)
    program.data(r[29], FP_AFTER)
    for index, value in enumerate((fid, *arguments)):
        program.set(r[index], value)
    program.fp_load(r[30])
    program.smc()
    program.fp_store(r[29])
    program.halt()
    program.want(r[:1], offset=FP_AFTER, size=FP_BYTES)
    outcome = caller.run(program, Deadline.after(60)).require("looking for leaks in v0-v31")
    return outcome.r[0], outcome.data


def system_register(runner: Runner, name: str) -> int:
    """Return the value of a system register."""
    program = Program()
    program.mrs(r[0], name)
    program.halt()
    return runner.run(program).require(f"reading {name}").r[0]


@pytest.mark.threat(7)
def test_floating_point_registers_survive_every_kind_of_command(vtpm: GuestQueue) -> None:
    """Hashing, elliptic curves and RSA all use SIMD in the engine; a guest sees no trace of it."""
    work = {
        "startup": commands.startup(),
        "hash": commands.pcr_extend(1, b"\x5a" * 32),
        "random": commands.get_random(32),
        "self test": commands.command(commands.CC_SELF_TEST, b"\x01"),
    }
    for head, (name, command) in enumerate(work.items(), start=1):
        vtpm.place(0, command)
        vtpm.write(abi.VTPM_RING_HEAD, head)
        status, after = fp_around(vtpm.agent, vtpm.doorbell)
        assert status == 0
        assert commands.Response.parse(vtpm.response()).code == commands.SUCCESS, name
        assert after == fp_state(), name


@pytest.mark.threat(7)
def test_floating_point_registers_of_the_hypervisor_survive_management_calls(
    monitor: Monitor, vtpm: ManagedQueue
) -> None:
    for fid, arguments in (
        (abi.VTPM_FID_CREATE, (1000, 0, 1, 0)),
        (abi.VTPM_FID_RESET, (vtpm.instance.handle,)),
        (abi.VTPM_FID_DESTROY, (vtpm.instance.handle,)),
    ):
        status, after = fp_around(monitor, fid, *arguments)
        assert status == 0
        assert after == fp_state(), abi.call_name(fid)


VECTORS = (0, 1, 7, 8, 15, 16, 23, 31)


@pytest.mark.threat(7)
@pytest.mark.needs_host_memory_access
def test_vector_registers_of_the_caller_do_not_reach_the_engine(
    service: Service, host_memory: HostMemory, engine_layout: patch.EngineLayout, make_vtpm: MakeManagedVtpm
) -> None:
    """Code in the engine stores what it finds in them; seven words of it are all that there is room for."""
    stores = (patch.store_vector(q, patch.WINDOW_MARK + 16 * place) for place, q in enumerate(VECTORS))
    engine_layout.plant(host_memory, *stores)
    vtpm = make_vtpm()
    space, limits = service.memory(), service.limits()
    window = space.pool + limits.pool_bytes - space.windows * space.window_bytes
    host_memory.write(window + patch.WINDOW_MARK, b"\xee" * 16 * len(VECTORS))
    vtpm.place(0, patch.TRIGGER)
    vtpm.write(abi.VTPM_RING_HEAD, vtpm.control_page().head + 1)
    status, _ = fp_around(vtpm.agent, vtpm.doorbell)
    assert status == 0
    assert host_memory.read(window + patch.WINDOW_MARK, 16 * len(VECTORS)) == bytes(16 * len(VECTORS))


@pytest.mark.threat(7)
def test_the_caller_s_rounding_mode_does_not_reach_the_engine(vtpm: GuestQueue) -> None:
    """A signature made while the guest's FPCR flushes to zero and rounds to zero is as good as any."""
    with Tpm(vtpm) as tpm:
        tpm.startup()
        with tpm.signing_key() as key:
            public = key.public.to_pem()
            program = Program()
            program.put(fp_state())
            program.data(r[0])
            program.fp_load(r[0])
            program.halt()
            vtpm.agent.run(program).require("setting FPCR")
            check_signature(key.public_key, b"abc", tpm.sign(key, SHA256_OF_ABC))
            assert system_register(vtpm.agent, "FPCR") == ROUND_TO_ZERO_FLUSH_DEFAULT_NAN
        with tpm.signing_key() as key:
            assert key.public.to_pem() == public


SHA256_OF_ABC = bytes.fromhex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")


@pytest.mark.threat(7)
def test_a_guest_without_floating_point_gets_its_tpm(vm: Vm, make_vtpm: MakeVtpm) -> None:
    """CPACR_EL1 is the guest's business; the engine runs with FP whatever it says."""
    vtpm = make_vtpm(vm)
    program = Program()
    program.msr("CPACR_EL1", r[0])
    program.barrier()
    program.halt()
    vtpm.agent.run(program).require("switching FP off at EL1")
    assert commands.submit(vtpm, commands.startup()).code == commands.SUCCESS
    assert commands.submit(vtpm, commands.get_random(8)).code == commands.SUCCESS
    assert system_register(vtpm.agent, "CPACR_EL1") == 0
