"""What programs can do, at EL2 and EL1."""

from __future__ import annotations

import struct

import pytest

from hil.errors import UsageError
from hil.target.monitor import Monitor, Program, ProgramEnd, Runner, TargetFault, VirtualMachine, a64, abi, r

pytestmark = pytest.mark.emulator

PSCI_VERSION = 0x8400_0000
SECURE_SRAM = 0x0E00_0000
FREE_RAM = 0x43FF_0000
EXTERNAL_ABORT = 0x10


def test_arithmetic_is_that_of_64_bit_registers(runner: Runner) -> None:
    program = Program()
    program.set(r[0], -3)
    program.add(r[1], r[0], 5)
    program.sub(r[2], r[0], r[1])
    program.mul(r[3], r[1], -7)
    program.set(r[4], 100)
    program.div(r[5], r[4], 7)
    program.rem(r[6], r[4], 7)
    program.div(r[7], r[4], 0)
    program.rem(r[8], r[4], r[9])
    program.and_(r[10], r[4], 0x6)
    program.or_(r[11], r[4], 0x3)
    program.xor(r[12], r[4], r[0])
    program.shift_left(r[13], r[4], 60)
    program.shift_right(r[14], r[0], 60)
    program.shift_left(r[15], r[4], 64)
    program.halt(42)
    outcome = runner.run(program).require()
    wrap = (1 << 64) - 1
    expected = (-3, 2, -5, -14, 100, 14, 2, 0, 100, 0, 4, 0x67, 100 ^ -3, 100 << 60, 15, 0)
    assert outcome.r[:16] == tuple(value & wrap for value in expected)
    assert outcome.code == 42


@pytest.mark.parametrize(
    ("left", "condition", "right", "taken"),
    [
        (1, "==", 1, True),
        (1, "!=", 1, False),
        (-1, "<", 1, False),
        (-1, "signed <", 1, True),
        (1, ">=", 1, True),
        (-1, "signed >=", 0, False),
    ],
)
def test_branches_compare_unsigned_unless_told(
    monitor: Monitor, left: int, condition: object, right: int, taken: bool
) -> None:
    program = Program()
    program.set(r[0], left)
    program.branch(r[0], condition, right, "taken")  # type: ignore[arg-type]
    program.halt(0)
    program.label("taken")
    program.halt(1)
    assert monitor.run(program).require().code == taken


def test_a_loop_runs_as_often_as_its_counter_says(runner: Runner) -> None:
    program = Program()
    program.set(r[0], 1000)
    program.label("again")
    program.add(r[1], r[1], 3)
    program.loop(r[0], "again")
    program.halt()
    outcome = runner.run(program).require()
    assert outcome.r[1] == 3000
    assert outcome.steps == 2002


@pytest.mark.parametrize("length", [1, 2, 4, 7, 8, 100, 4096, abi.AGENT_DATA_BYTES + 5])
def test_memory_reads_as_written(monitor: Monitor, length: int) -> None:
    data = bytes(index * 7 & 0xFF for index in range(length))
    monitor.write(FREE_RAM, data + b"end")
    assert monitor.read(FREE_RAM, length) == data


def test_loads_and_stores_have_the_width_asked_for(runner: Runner) -> None:
    program = Program()
    program.put(b"\xff" * 32)
    program.data(r[0])
    program.set(r[1], 0x1122334455667788)
    for at, size in ((0, 1), (8, 2), (16, 4), (24, 8)):
        program.store(r[1], r[0], at, size=size)
        program.load(r[size + 1], r[0], at, size=size)
    program.halt()
    program.want(size=32)
    outcome = runner.run(program).require()
    assert [outcome.r[size + 1] for size in (1, 2, 4, 8)] == [0x88, 0x7788, 0x55667788, 0x1122334455667788]
    f = b"\xff"
    assert outcome.data == b"\x88" + 7 * f + b"\x88\x77" + 6 * f + b"\x88\x77\x66\x55" + 4 * f + bytes.fromhex(
        "8877665544332211"
    )


def test_blocks_can_be_filled_compared_and_searched(runner: Runner) -> None:
    program = Program()
    program.put(struct.pack("<4Q", 1, 2, 3, 4))
    program.data(r[0])
    program.data(r[1], 64)
    program.copy(r[1], r[0], 32)
    program.set(r[2], 3)
    program.find(r[2], r[1], 32)
    program.set(r[3], 9)
    program.find(r[3], r[1], 32)
    program.move(r[4], r[0])
    program.differ(r[4], r[1], 32)
    program.add(r[5], r[1], 13)
    program.fill(r[5], r[2], 2)
    program.move(r[6], r[0])
    program.differ(r[6], r[1], 32)
    program.halt()
    outcome = runner.run(program).require()
    none = (1 << 64) - 1
    assert outcome.r[2:5] == (16, none, none)
    assert outcome.r[6] == 13


def test_the_data_area_is_kept_and_returned_as_long_as_a_register_says(runner: Runner) -> None:
    first = Program()
    first.put(b"kept for later")
    first.halt()
    runner.run(first).require()
    second = Program()
    second.set(r[7], 4)
    second.halt()
    second.want((), offset=5, size=100, length=r[7])
    assert runner.run(second).require().data == b"for "


def test_a_call_carries_x0_to_x30_both_ways(monitor: Monitor, vm: VirtualMachine) -> None:
    """PSCI by HVC is answered by EL2 in x0 and touches nothing else."""
    program = Program()
    for index in range(1, 31):
        program.set(r[index], 0x1111_1111_1111_1111 * index & (1 << 64) - 1)
    program.set(r[0], PSCI_VERSION)
    program.hvc()
    program.halt()
    registers = vm.agent().run(program).require().r
    assert registers[0] == 0x1_0001
    assert registers[1:31] == tuple(0x1111_1111_1111_1111 * index & (1 << 64) - 1 for index in range(1, 31))
    assert monitor.smc(PSCI_VERSION, 5, 6).x[0] >= 0x1_0000


def test_a_fault_at_el2_is_an_outcome_and_the_monitor_goes_on(monitor: Monitor) -> None:
    for _ in range(3):
        with pytest.raises(TargetFault) as caught:
            monitor.read(SECURE_SRAM, 8)
        assert (caught.value.el, caught.value.far) == (2, SECURE_SRAM)
        assert caught.value.esr & 0x3F == EXTERNAL_ABORT
        with pytest.raises(TargetFault) as caught:
            monitor.write(SECURE_SRAM, bytes(8))
        assert caught.value.esr & 1 << 6
    assert monitor.read(FREE_RAM, 1)


def test_an_undefined_instruction_is_reported_with_its_place(runner: Runner) -> None:
    program = Program()
    program.set(r[0], 1)
    program.mrs(r[1], "SCR_EL3")
    program.halt()
    outcome = runner.run(program)
    assert (outcome.ended, outcome.pc) == (ProgramEnd.FAULTED, 1)
    assert outcome.fault is not None
    assert outcome.fault.esr >> 26 == 0


def test_a_program_can_go_on_after_a_fault(runner: Runner) -> None:
    program = Program()
    program.on_fault("caught")
    program.set(r[0], 2)
    program.label("again")
    program.set(r[1], 0xFFF0_0000_0000)
    program.load(r[2], r[1])
    program.halt(1)
    program.label("caught")
    program.fault(r[3], "far")
    program.fault(r[4], "count")
    program.loop(r[0], "again")
    program.halt(2)
    outcome = runner.run(program).require()
    assert outcome.code == 2
    assert outcome.r[3:5] == (0xFFF0_0000_0000, 2)


def test_machine_code_in_the_data_area_runs(runner: Runner) -> None:
    # add x0, x0, x1; ret
    program = Program()
    program.put(struct.pack("<II", 0x8B010000, a64.RET))
    program.set(r[0], 40)
    program.set(r[1], 2)
    program.data(r[2])
    program.call(r[2])
    program.halt()
    assert runner.run(program).require().r[0] == 42


@pytest.mark.parametrize("broken", ["op", "register", "end"])
def test_a_malformed_program_is_refused_where_it_is_malformed(runner: Runner, broken: str) -> None:
    program = Program()
    program.set(r[0], 1)
    if broken == "op":
        program._add(abi.AGENT_OPS)
    if broken == "register":
        program._lines.append((abi.AGENT_OP_SET, 32, 0, 0, 0, 0))
    outcome = runner.run(program)
    assert (outcome.ended, outcome.pc) == (ProgramEnd.BAD, 1)
    with pytest.raises(UsageError):
        outcome.require()
