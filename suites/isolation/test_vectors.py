"""Vectors longer than 128 bits, predicates, and what streaming mode has, are after a call as they were before it."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from hil.deadline import Deadline
from hil.target.monitor import Program, r
from hil.target.tpm import commands
from hil.target.vtpm import GuestQueue, Status, abi
from suites.isolation.interrupts import TURNS, arm_timer, disarm_timer, leave_in_the_middle

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.fixtures import MakeManagedVtpm, MakeVtpm
    from hil.target.monitor import Monitor, Runner
    from hil.target.vtpm import ManagedQueue, Vm

pytestmark = [pytest.mark.needs_vectors, pytest.mark.threat(7)]

# Arm DDI 0487, C8 and C9: instructions on one register, with x0 as the address or result.
LDR_Z, STR_Z, LDR_P, STR_P = 0x8580_4000, 0xE580_4000, 0x8580_0000, 0xE580_0000
WRFFR_P0, RDFFR_P0, RDVL = 0x2528_9000, 0x2519_F000, 0x04BF_5020
LDR_ZA, STR_ZA = 0xE100_0000, 0xE120_0000


def each_row(operation: int) -> bytes:
    """Return a function that loads or stores all rows of ZA at x0, each of x1 bytes."""
    words = (
        0x5280000C,  # mov w12, #0
        operation,  # ldr za[w12, 0], [x0]
        0x8B010000,  # add x0, x0, x1
        0x1100058C,  # add w12, w12, #1
        0x6B01019F,  # `cmp w12, w1`
        0x54FFFF8B,  # b.lt .-16
        0xD65F03C0,  # ret
    )
    return struct.pack(f"<{len(words)}I", *words)


ZCR_EL1, SMCR_EL1, SVCR, TPIDR2_EL0 = "S3_0_C1_C2_0", "S3_0_C1_C2_6", "S3_3_C4_C2_2", "S3_3_C13_C0_5"
CPACR_ALL = 3 << 24 | 3 << 20 | 3 << 16  # SMEN, FPEN, ZEN: nothing traps
CPACR_FP = 3 << 20
LONGEST, HALF_A_KILOBIT = 15, 3  # ZCR_EL1.LEN and SMCR_EL1.LEN
SM, ZA = 1, 2
NO_LIVE_STATE = 1 << 16  # SMCCC 1.3: the hint in the function identifier
MARK = 0xC0FF_EE00_0BAD_F00D

VECTORS, PREDICATES, BYTES = 32, 16, 256
PREDICATE_BYTES = BYTES // 8
FFR = VECTORS * BYTES + PREDICATES * PREDICATE_BYTES
STATE = FFR + PREDICATE_BYTES
"""One place for each register, of the length that the longest ones have; FFR comes last."""
BEFORE, AFTER, CODE = 0, 0x3000, 0x7000


def marked_state() -> bytes:
    """A state in which no two registers are alike. FFR has ones, then zeros: it may have nothing else."""
    registers = bytes((index * 193 + (index >> 8) * 7 + 5) & 0xFF for index in range(FFR))
    return registers + b"\xff\x07" + bytes(PREDICATE_BYTES - 2)


@dataclass(frozen=True, slots=True)
class Result:
    """What a call returned, in which mode it left its caller, how long vectors were, and what they held afterwards."""

    status: int
    mode: int
    mark: int
    length: int
    state: bytes

    def differences(self) -> list[str]:
        """Return the names of the registers that are not as they were."""
        before, places = marked_state(), [(f"z{n}", n * BYTES, self.length) for n in range(VECTORS)]
        predicates = VECTORS * BYTES
        places += [(f"p{n}", predicates + n * PREDICATE_BYTES, self.length // 8) for n in range(PREDICATES)]
        places += [("ffr", FFR, 0 if self.mode & SM else self.length // 8)]
        return [name for name, at, size in places if self.state[at : at + size] != before[at : at + size]]


def each_register(program: Program, place: int, vector: int, predicate: int) -> None:
    """Load or store all vectors and predicates at a place of the data area."""
    for number in range(VECTORS):
        program.data(r[0], place + number * BYTES)
        program.execute(vector | number, r[0])
    for number in range(PREDICATES):
        program.data(r[0], place + VECTORS * BYTES + number * PREDICATE_BYTES)
        program.execute(predicate | number, r[0])


def set_register(program: Program, name: str, value: int) -> None:
    """Write a system register, and make that visible."""
    program.set(r[31], value)
    program.msr(name, r[31])
    program.barrier(0xD503_3FDF)  # ISB


def around(caller: Runner, fid: int, *arguments: int, guest: bool, mode: int = 0, interrupted: bool = False) -> Result:
    """Make a call with `marked_state` in the registers, in streaming mode or outside of it.

    `interrupted`: the hypervisor's timer interrupts it.
    """
    program = Program()
    program.put(marked_state(), BEFORE)
    if guest:
        set_register(program, "CPACR_EL1", CPACR_ALL)
        set_register(program, ZCR_EL1, LONGEST)
        set_register(program, SMCR_EL1, LONGEST)
    set_register(program, TPIDR2_EL0, MARK)
    set_register(program, SVCR, mode)
    program.execute(RDVL, r[20])
    if not mode & SM:
        program.data(r[0], BEFORE + FFR)
        program.execute(LDR_P, r[0])
        program.execute(WRFFR_P0)
    each_register(program, BEFORE, LDR_Z, LDR_P)
    if interrupted:
        arm_timer(program)
    for index, value in enumerate((fid, *arguments)):
        program.set(r[index], value)
    program.smc()
    program.move(r[21], r[0])
    if interrupted:
        disarm_timer(program)
    each_register(program, AFTER, STR_Z, STR_P)
    if not mode & SM:
        program.execute(RDFFR_P0)
        program.data(r[0], AFTER + FFR)
        program.execute(STR_P, r[0])
    program.mrs(r[22], SVCR)
    program.mrs(r[23], TPIDR2_EL0)
    set_register(program, SVCR, 0)
    if guest:
        set_register(program, "CPACR_EL1", CPACR_FP)
    program.halt()
    program.want(r[20:24], offset=AFTER, size=STATE)
    outcome = caller.run(program, Deadline.after(60)).require("comparing vectors")
    return Result(outcome.r[21], outcome.r[22], outcome.r[23], outcome.r[20], outcome.data)


COMMANDS = {
    "start": commands.startup(),
    "hash": commands.pcr_extend(1, b"\x5a" * 32),
    "random": commands.get_random(32),
    "self test": commands.command(commands.CC_SELF_TEST, b"\x01"),
}
MODES = {"normal": 0, "streaming": SM, "with ZA": ZA, "streaming with ZA": SM | ZA}


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
@pytest.mark.parametrize("hint", [0, NO_LIVE_STATE], ids=["live", "hint"])
def test_vectors_of_a_guest_survive_every_kind_of_command(vtpm: GuestQueue, mode: int, hint: int) -> None:
    """Without the hint it is what SMCCC asks for; a caller that gives the state up does not lose it, either."""
    for head, (name, command) in enumerate(COMMANDS.items(), start=1):
        vtpm.place(0, command)
        vtpm.write(abi.VTPM_RING_HEAD, head)
        result = around(vtpm.agent, vtpm.doorbell | hint, guest=True, mode=mode)
        assert result.status == Status.OK
        assert commands.Response.parse(vtpm.response()).code == commands.SUCCESS, name
        assert result.length > 16, "the board's vectors have more than 128 bits"
        assert result.differences() == [], name
        assert (result.mode, result.mark) == (mode, MARK), name


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
def test_vectors_of_the_hypervisor_survive_management_calls(monitor: Monitor, vtpm: ManagedQueue, mode: int) -> None:
    handle = vtpm.instance.handle
    for fid, arguments in (
        (abi.VTPM_FID_CREATE, (1000, 0, 1, 0)),
        (abi.VTPM_FID_RESET, (handle,)),
        (abi.VTPM_FID_DESTROY, (handle,)),
    ):
        result = around(monitor, fid, *arguments, guest=False, mode=mode)
        assert result.status == Status.OK
        assert result.differences() == [], abi.call_name(fid)
        assert (result.mode, result.mark) == (mode, MARK), abi.call_name(fid)


@pytest.mark.threat(11)
@pytest.mark.needs_host_memory_access
@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
def test_vectors_of_the_hypervisor_survive_a_call_that_is_parked_and_the_one_that_goes_on_with_it(
    long_command: bytes, monitor: Monitor, make_vtpm: MakeManagedVtpm, mode: int
) -> None:
    queue = make_vtpm()
    queue.place(0, long_command)
    queue.write(abi.VTPM_RING_HEAD, 1)
    arguments = (queue.instance.handle, abi.VTPM_TELL_MORE)
    results = [around(monitor, abi.VTPM_FID_FORWARD, *arguments, guest=False, mode=mode, interrupted=True)]
    assert results[0].status - (1 << 64) == Status.MORE
    while results[-1].status and len(results) < TURNS:
        results.append(around(monitor, abi.VTPM_FID_FORWARD, *arguments, guest=False, mode=mode))
    assert results[-1].status == Status.OK
    for result in results:
        assert result.differences() == []
        assert (result.mode, result.mark) == (mode, MARK)


@pytest.mark.threat(11)
@pytest.mark.needs_host_memory_access
def test_vectors_of_a_guest_survive_a_command_that_another_processor_has_begun(
    long_command: bytes, make_vm: Callable[..., Vm], make_vtpm: MakeVtpm
) -> None:
    vm = make_vm(vcpus=2)
    first = make_vtpm(vm)
    second = GuestQueue.map(first.instance, vm, vcpu=1)
    leave_in_the_middle(first, long_command)
    result = around(second.agent, second.doorbell, guest=True)
    assert result.status == Status.OK
    assert second.control_page().tail == second.control_page().head
    assert result.differences() == []
    assert result.mark == MARK


def test_the_matrix_of_a_guest_survives_a_command(vtpm: GuestQueue) -> None:
    """ZA stays in the processor while the engine runs, which can neither reach it nor switch it off."""
    commands.submit(vtpm, commands.startup())
    vtpm.place(0, commands.pcr_extend(1, b"\xa5" * 32))
    vtpm.write(abi.VTPM_RING_HEAD, vtpm.control_page().head + 1)
    length = 64
    rows = bytes((index * 151 + (index >> 6) * 3 + 1) & 0xFF for index in range(length * length))
    program = Program()
    program.put(rows, BEFORE)
    program.put(each_row(LDR_ZA).ljust(64, b"\0") + each_row(STR_ZA), CODE)
    set_register(program, "CPACR_EL1", CPACR_ALL)
    set_register(program, SMCR_EL1, HALF_A_KILOBIT)
    set_register(program, SVCR, ZA)
    for place, code in ((BEFORE, CODE), (AFTER, CODE + 64)):
        program.data(r[0], place)
        program.set(r[1], length)
        program.data(r[9], code)
        if code == CODE:
            program.move(r[20], r[0])
        program.call(r[9])
        if code == CODE:
            program.set(r[0], vtpm.doorbell)
            program.smc()
            program.move(r[21], r[0])
    set_register(program, SVCR, 0)
    set_register(program, "CPACR_EL1", CPACR_FP)
    program.halt()
    program.want((r[21],), offset=AFTER, size=len(rows))
    outcome = vtpm.agent.run(program, Deadline.after(60)).require("comparing ZA")
    assert outcome.r[21] == Status.OK
    assert commands.Response.parse(vtpm.response()).code == commands.SUCCESS
    assert outcome.data == rows
