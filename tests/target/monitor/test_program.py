"""Programs as bytes, outcomes as values: what needs no board."""

from __future__ import annotations

import re
import struct
import subprocess
from pathlib import Path

import pytest

from hil.errors import FirmwareError, UsageError
from hil.headers import firmware_header
from hil.target.crash.syndrome import describe
from hil.target.monitor import Program, ProgramEnd, ProgramOutcome, RanTooLong, TargetFault, a64, abi, r
from hil.target.monitor import program as program_module

CROSS = "aarch64-linux-gnu-"


def test_labels_resolve_forwards_and_backwards() -> None:
    program = Program()
    program.label("top")
    program.branch(r[1], "==", 5, "end")
    program.jump("top")
    program.label("end")
    program.halt(3)
    branch = struct.pack("<BBBBBBB", abi.AGENT_OP_BRANCH, 1, abi.AGENT_IF_EQ, abi.AGENT_IMMEDIATE, 0x11, 2, 5)
    jump = struct.pack("<BBBBB", abi.AGENT_OP_JUMP, 0, 0, abi.AGENT_IMMEDIATE, 0)
    halt = struct.pack("<BBBBBB", abi.AGENT_OP_HALT, 0, 0, abi.AGENT_IMMEDIATE, 0x10, 3)
    assert program.assemble() == branch + jump + halt


def test_a_missing_label_is_named() -> None:
    program = Program()
    program.jump("nowhere")
    with pytest.raises(UsageError, match="nowhere"):
        program.assemble()


def test_negative_numbers_wrap_as_64_bit_registers_do() -> None:
    program = Program()
    program.set(r[0], -1)
    assert program.assemble()[5:] == b"\xff" * 8


def test_more_instructions_than_the_agent_holds_are_refused() -> None:
    program = Program()
    for _ in range(abi.AGENT_MAX_INSTRUCTIONS + 1):
        program.halt()
    with pytest.raises(UsageError, match="at most 1024"):
        program.assemble()


def test_more_data_than_the_agent_holds_is_refused() -> None:
    with pytest.raises(UsageError, match="data area"):
        Program().put(b"x", abi.AGENT_DATA_BYTES)


def test_data_can_be_put_in_any_order() -> None:
    program = Program()
    program.put(b"cd", 4)
    program.put(b"ab", 1)
    assert program.uploaded == b"\0ab\0cd"


def outcome(
    ended: int, *, registers: dict[int, int] | None = None, fault: bytes = b"", data: bytes = b""
) -> ProgramOutcome:
    registers = registers or {}
    mask = sum(1 << index for index in registers)
    flags = abi.AGENT_FAULT_FOLLOWS if fault else 0
    values = b"".join(value.to_bytes(8, "little") for _, value in sorted(registers.items()))
    return ProgramOutcome.parse(struct.pack("<IIIIQ", ended | flags, 9, 4, mask, 77) + fault + values + data)


def test_an_outcome_has_zero_for_what_did_not_come_back() -> None:
    parsed = outcome(abi.AGENT_HALTED, registers={2: 5, 31: 1 << 63}, data=b"data")
    assert (parsed.ended, parsed.code, parsed.pc, parsed.steps) == (ProgramEnd.HALTED, 9, 4, 77)
    assert parsed.r[2] == 5
    assert parsed.r[31] == 1 << 63
    assert sum(parsed.r) == 5 + (1 << 63)
    assert parsed.data == b"data"
    assert parsed.require() is parsed


def test_a_fault_says_what_where_and_at_which_level() -> None:
    record = struct.pack("<7Q", 1, 0x96000045, 0x40001000, 0x80001234, 0, 1, 1)
    with pytest.raises(TargetFault, match="data abort: translation fault, level 1, write, taken to EL1") as caught:
        outcome(abi.AGENT_FAULTED, fault=record).require("poking")
    assert (caught.value.esr, caught.value.far, caught.value.el) == (0x96000045, 0x80001234, 1)
    assert caught.value.context.doing == "poking"


@pytest.mark.parametrize(
    ("ended", "says"),
    [
        (ProgramEnd.DEADLINE, "ran out of time"),
        (ProgramEnd.STUCK, "EL3 hangs"),
        (ProgramEnd.STOPPED, "the guest hangs"),
    ],
)
def test_running_out_of_time_is_an_error_of_its_own_that_says_who_hangs(ended: ProgramEnd, says: str) -> None:
    with pytest.raises(RanTooLong, match=says) as caught:
        outcome(ended).require()
    assert caught.value.context.hint


def test_a_malformed_program_is_the_user_s_mistake() -> None:
    with pytest.raises(UsageError, match="instruction 4"):
        outcome(abi.AGENT_BAD).require()


def test_an_overwritten_mailbox_is_a_finding() -> None:
    with pytest.raises(FirmwareError, match="mailbox says that the program ended with 99"):
        outcome(99)


def test_syndromes_in_words() -> None:
    assert describe(0x96000010) == "data abort: synchronous external abort, read"
    assert describe(0x8200000E) == "instruction abort from a lower level: permission fault, level 2"
    assert describe(0x02000000).startswith("unknown reason")


def test_instruction_words_are_those_of_the_assembler(tmp_path: Path) -> None:
    registers = [
        name for name in a64._REGISTERS if not re.match("(CURRENTEL|MIDR|MPIDR|ID_|ISR|CTR|CNTPCT|CNTVCT)", name)
    ]
    lines = [(f"mrs x0, {name}", a64.mrs(name)) for name in a64._REGISTERS]
    lines += [(f"msr {name}, x0", a64.msr(name)) for name in registers]
    lines += [(f"{name}, x0", a64.sys(name)) for name in a64._OPERATIONS if "ALL" not in name]
    lines += [(name, a64.sys(name)) for name in a64._OPERATIONS if "ALL" in name]
    lines += [("dsb sy", a64.DSB_SY), ("dsb ish", a64.DSB_ISH), ("dmb sy", a64.DMB_SY), ("dmb ish", a64.DMB_ISH)]
    lines += [("isb", a64.ISB), ("nop", a64.NOP), ("wfi", a64.WFI), ("ret", a64.RET)]
    source, binary = tmp_path / "a.s", tmp_path / "a.bin"
    source.write_text("\n".join(text for text, _ in lines) + "\n")
    subprocess.run([f"{CROSS}as", "-march=armv8.5-a", "-o", tmp_path / "a.o", source], check=True)
    subprocess.run([f"{CROSS}objcopy", "-O", "binary", tmp_path / "a.o", binary], check=True)
    words = [word for (word,) in struct.iter_unpack("<I", binary.read_bytes())]
    # "SYS" operations without an argument have 31 for it; the interpreter passes x0, which they ignore.
    masked = [word & ~0x1F if "ALL" in text else word for (text, _), word in zip(lines, words, strict=True)]
    assert [f"{word:08x} {text}" for (text, word), _ in zip(lines, words, strict=True)] == [
        f"{word:08x} {text}" for (text, _), word in zip(lines, masked, strict=True)
    ]


def test_generic_register_names_work_and_others_are_refused() -> None:
    assert a64.mrs("S3_0_C1_C0_0") == a64.mrs("SCTLR_EL1")
    with pytest.raises(UsageError, match="S<op0>"):
        a64.mrs("NO_SUCH_EL1")


def test_every_opcode_has_a_method() -> None:
    header = firmware_header("baremetal/agent_abi.h").read_text()
    opcodes = set(re.findall(r"#define (AGENT_OP_\w+)", header))
    builder = Path(program_module.__file__).read_text()
    assert opcodes <= set(re.findall(r"AGENT_OP_\w+", builder))
