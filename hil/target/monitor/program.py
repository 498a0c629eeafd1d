"""Programs for the interpreters at EL2 and EL1: registers, labels, and one method per instruction.

    program = Program()
    program.set(r[0], fid)
    program.smc()
    program.halt()

`agent_abi.h` says what each instruction does. Errors that the board reports itself are not checked here, so that tests
can send wrong programs on purpose.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from hil.errors import UsageError
from hil.target.monitor import a64, abi

if TYPE_CHECKING:
    from collections.abc import Iterable

Condition = Literal["==", "!=", "<", ">=", "signed <", "signed >="]
FaultField = Literal["class", "esr", "elr", "far", "ipa", "el", "count"]

_CONDITIONS: dict[Condition, int] = {
    "==": abi.AGENT_IF_EQ,
    "!=": abi.AGENT_IF_NE,
    "<": abi.AGENT_IF_LO,
    ">=": abi.AGENT_IF_HS,
    "signed <": abi.AGENT_IF_LT,
    "signed >=": abi.AGENT_IF_GE,
}
_INSTRUCTION = struct.Struct("<BBBBB")
_WIDTHS = {1: 0, 2: 1, 4: 2, 8: 3}
_U64 = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Reg:
    """A register of the interpreter."""

    index: int


r = tuple(Reg(index) for index in range(abi.AGENT_REGISTERS))
"""All registers; `r[0]` to `r[30]` are x0 to x30 of a call."""


@dataclass(frozen=True, slots=True)
class ReturnedValues:
    """The values that a program returns: registers (zeros are not transmitted), and a slice of the data area.

    With `length`, the slice is shortened to the number of bytes that this register holds at the end.
    """

    registers: tuple[Reg, ...] = r
    offset: int = 0
    size: int = 0
    length: Reg | None = None

    @property
    def mask(self) -> int:
        """The registers as a bit mask."""
        return sum(1 << register.index for register in self.registers)


class Program:
    """A program under construction. Methods that take a label accept one that comes later."""

    def __init__(self) -> None:
        self.wanted = ReturnedValues()
        self._lines: list[tuple[int, int, int, int, int | str, int]] = []
        self._labels: dict[str, int] = {}
        self._data = b""

    def __len__(self) -> int:
        """The number of instructions."""
        return len(self._lines)

    # Data that is sent with the instructions, and values that are returned.

    def put(self, data: bytes, offset: int = 0) -> None:
        """Upload `data` into the data area. Bytes below `offset` become zero unless put, too; the rest is kept."""
        end = offset + len(data)
        if end > abi.AGENT_DATA_BYTES:
            raise UsageError(f"the data area has {abi.AGENT_DATA_BYTES} bytes, but the data ends at {end}")
        self._data = self._data.ljust(end, b"\0")
        self._data = self._data[:offset] + data + self._data[end:]

    def want(self, registers: Iterable[Reg] = r, *, offset: int = 0, size: int = 0, length: Reg | None = None) -> None:
        """Choose the values to return. By default, a program returns all registers and no data."""
        self.wanted = ReturnedValues(tuple(registers), offset, size, length)

    # Control.

    def label(self, name: str) -> None:
        """Give the next instruction a label."""
        if name in self._labels:
            raise UsageError(f"the program has two labels `{name}`")
        self._labels[name] = len(self._lines)

    def halt(self, code: int = 0) -> None:
        """End the program with a code."""
        self._add(abi.AGENT_OP_HALT, imm=code)

    def jump(self, label: str) -> None:
        """Continue at the label."""
        self._add(abi.AGENT_OP_JUMP, small=label)

    def branch(self, left: Reg, condition: Condition, right: Reg | int, label: str) -> None:
        """Continue at the label if the condition holds. Comparisons are unsigned unless the condition says `signed`."""
        self._add(abi.AGENT_OP_BRANCH, left, Reg(_CONDITIONS[condition]), right, small=label)

    def loop(self, counter: Reg, label: str) -> None:
        """Decrement the counter, and continue at the label unless it is zero."""
        self._add(abi.AGENT_OP_LOOP, counter, small=label)

    def on_fault(self, label: str | None) -> None:
        """From here on, continue at the label after a fault; with None, a fault ends the program."""
        self._add(abi.AGENT_OP_ON_FAULT, small=abi.AGENT_NO_TARGET if label is None else label)

    def fault(self, target: Reg, field: FaultField) -> None:
        """Fetch a field of the last fault."""
        self._add(abi.AGENT_OP_FAULT, target, small=abi.CONSTANTS[f"AGENT_FAULT_{field.upper()}"])

    # Registers.

    def set(self, target: Reg, value: int) -> None:
        """Set a register to a number, modulo 2^64."""
        self._add(abi.AGENT_OP_SET, target, imm=value)

    def move(self, target: Reg, source: Reg) -> None:
        """Copy a register."""
        self._add(abi.AGENT_OP_MOVE, target, source)

    def data(self, target: Reg, offset: int = 0) -> None:
        """Set a register to the address of a byte of the data area."""
        self._add(abi.AGENT_OP_DATA, target, imm=offset)

    def add(self, target: Reg, left: Reg, right: Reg | int) -> None:
        """Target = left + right."""
        self._add(abi.AGENT_OP_ADD, target, left, right)

    def sub(self, target: Reg, left: Reg, right: Reg | int) -> None:
        """Target = left - right."""
        self._add(abi.AGENT_OP_SUB, target, left, right)

    def mul(self, target: Reg, left: Reg, right: Reg | int) -> None:
        """Target = left * right."""
        self._add(abi.AGENT_OP_MUL, target, left, right)

    def div(self, target: Reg, left: Reg, right: Reg | int) -> None:
        """Target = left / right, unsigned; by zero gives zero."""
        self._add(abi.AGENT_OP_DIV, target, left, right)

    def rem(self, target: Reg, left: Reg, right: Reg | int) -> None:
        """Target = left % right, unsigned; by zero gives left."""
        self._add(abi.AGENT_OP_REM, target, left, right)

    def and_(self, target: Reg, left: Reg, right: Reg | int) -> None:
        """Target = left & right."""
        self._add(abi.AGENT_OP_AND, target, left, right)

    def or_(self, target: Reg, left: Reg, right: Reg | int) -> None:
        """Target = left | right."""
        self._add(abi.AGENT_OP_OR, target, left, right)

    def xor(self, target: Reg, left: Reg, right: Reg | int) -> None:
        """Target = left ^ right."""
        self._add(abi.AGENT_OP_XOR, target, left, right)

    def shift_left(self, target: Reg, left: Reg, right: Reg | int) -> None:
        """Target = left << right."""
        self._add(abi.AGENT_OP_SHL, target, left, right)

    def shift_right(self, target: Reg, left: Reg, right: Reg | int) -> None:
        """Target = left >> right, unsigned."""
        self._add(abi.AGENT_OP_SHR, target, left, right)

    # Memory, at the virtual addresses of the level that the program runs at.

    def load(self, target: Reg, base: Reg, offset: int = 0, *, size: int = 8) -> None:
        """Load `size` bytes (1, 2, 4 or 8) at base + offset, zero extended."""
        self._add(abi.AGENT_OP_LOAD, target, base, small=_width(size), imm=offset)

    def store(self, source: Reg, base: Reg, offset: int = 0, *, size: int = 8) -> None:
        """Store the low `size` bytes (1, 2, 4 or 8) at base + offset."""
        self._add(abi.AGENT_OP_STORE, source, base, small=_width(size), imm=offset)

    def copy(self, to: Reg, source: Reg, length: Reg | int, *, size: int = 8) -> None:
        """Copy `length` bytes in accesses of `size` bytes, the rest byte by byte."""
        self._add(abi.AGENT_OP_COPY, to, source, length, small=_width(size))

    def fill(self, at: Reg, value: Reg, length: Reg | int) -> None:
        """Fill `length` bytes with the low byte of `value`."""
        self._add(abi.AGENT_OP_FILL, at, value, length)

    def find(self, word: Reg, at: Reg, length: Reg | int) -> None:
        """Set `word` to the offset of the first 64-bit word with the same value, or to all ones if there is none."""
        self._add(abi.AGENT_OP_FIND, word, at, length)

    def differ(self, left: Reg, right: Reg, length: Reg | int) -> None:
        """Compare memory: set `left` to the offset of the first byte that differs, or to all ones if there is none."""
        self._add(abi.AGENT_OP_DIFFER, left, right, length)

    def map(self, va: Reg, ipa: Reg, length: Reg | int, *, device: bool = False, writable: bool = True) -> None:
        """EL1 only: map pages in the agent's stage 1, replacing what was there."""
        attributes = abi.AGENT_MAP_DEVICE * device | abi.AGENT_MAP_WRITABLE * writable
        self._add(abi.AGENT_OP_MAP, va, ipa, length, small=attributes)

    def unmap(self, va: Reg, length: Reg | int) -> None:
        """EL1 only: unmap pages."""
        self._add(abi.AGENT_OP_UNMAP, va, r[0], length)

    # Leaving the interpreter.

    def smc(self) -> None:
        """Execute SMC #0 with x0-x30 from r0-r30, and copy them back."""
        self._add(abi.AGENT_OP_SMC)

    def hvc(self) -> None:
        """Execute HVC #0 with x0-x30 from r0-r30, and copy them back."""
        self._add(abi.AGENT_OP_HVC)

    def execute(self, word: int, x0: Reg = r[31], x1: Reg = r[31]) -> None:
        """Execute one A64 instruction with x0 and x1 from these registers, and copy x0 back."""
        self._add(abi.AGENT_OP_EXECUTE, x0, x1, small=word)

    def call(self, address: Reg) -> None:
        """Call A64 code, such as code put into the data area, with x0-x7 from r0-r7; copy x0 back to r0."""
        self._add(abi.AGENT_OP_CALL, address)

    def mrs(self, target: Reg, register: str) -> None:
        """Read a system register."""
        self.execute(a64.mrs(register), target)

    def msr(self, register: str, source: Reg) -> None:
        """Write a system register."""
        self.execute(a64.msr(register), source)

    def sys(self, operation: str, argument: Reg = r[31]) -> None:
        """Execute a system operation, such as `TLBI VMALLE1IS` or `DC CIVAC`, on an address."""
        self.execute(a64.sys(operation), argument)

    def translate(self, address: Reg, operation: str = "AT S1E1R") -> None:
        """Translate an address, and replace it by the result in PAR_EL1."""
        self.sys(operation, address)
        self.execute(a64.ISB)
        self.mrs(address, "PAR_EL1")

    def barrier(self, word: int = a64.DSB_ISH) -> None:
        """Execute a barrier, one of the constants in `hil.target.monitor.a64`."""
        self.execute(word)

    def fp_load(self, address: Reg) -> None:
        """Load v0-v31, FPCR and FPSR from memory."""
        self._add(abi.AGENT_OP_FP_LOAD, address)

    def fp_store(self, address: Reg) -> None:
        """Store v0-v31, FPCR and FPSR to memory."""
        self._add(abi.AGENT_OP_FP_STORE, address)

    # Synchronising with another agent.

    def await_at_least(self, address: Reg, value: Reg, ticks: int) -> None:
        """Spin until the u32 at `address` is at least `value`: then set `address` to 1, or to 0 after `ticks` ticks."""
        self._add(abi.AGENT_OP_AWAIT, address, value, imm=ticks)

    def fetch_add(self, target: Reg, address: Reg, amount: Reg | int) -> None:
        """Atomically add `amount` to the u32 at `address`, and set `target` to its value before."""
        self._add(abi.AGENT_OP_FETCH_ADD, target, address, amount)

    # The result.

    @property
    def uploaded(self) -> bytes:
        """The bytes for the data area."""
        return self._data

    def assemble(self) -> bytes:
        """Return the encoded instructions. Raises `UsageError` for a missing label."""
        if len(self._lines) > abi.AGENT_MAX_INSTRUCTIONS:
            raise UsageError(f"a program has at most {abi.AGENT_MAX_INSTRUCTIONS} instructions, not {len(self._lines)}")
        return b"".join(_pack(op, a, b, c, self._resolve(small), imm) for op, a, b, c, small, imm in self._lines)

    def _resolve(self, small: int | str) -> int:
        if isinstance(small, int):
            return small & 0xFFFFFFFF
        if small not in self._labels:
            raise UsageError(f"the program has no label `{small}`")
        return self._labels[small]

    def _add(
        self, op: int, a: Reg = r[0], b: Reg = r[0], c: Reg | int | None = None, *, small: int | str = 0, imm: int = 0
    ) -> None:
        if isinstance(c, Reg):
            self._lines.append((op, a.index, b.index, c.index, small, imm & _U64))
        else:
            imm = imm if c is None else c
            self._lines.append((op, a.index, b.index, abi.AGENT_IMMEDIATE, small, imm & _U64))


def _width(size: int) -> int:
    if size not in _WIDTHS:
        raise UsageError(f"an access has 1, 2, 4 or 8 bytes, not {size}")
    return _WIDTHS[size]


def _pack(op: int, a: int, b: int, c: int, small: int, imm: int) -> bytes:
    small_bytes, imm_bytes = (small.bit_length() + 7) // 8, (imm.bit_length() + 7) // 8
    head = _INSTRUCTION.pack(op, a, b, c, imm_bytes << 4 | small_bytes)
    return head + small.to_bytes(small_bytes, "little") + imm.to_bytes(imm_bytes, "little")
