"""Faults inside the engine: code that is planted in its image, and runs when a command asks for it.

The engine has no known way to fail, so a way is made. On the emulator the host can write secure memory: the first
instruction of the engine's entry becomes a branch to a few instructions behind the end of its code, which look at the
first word of the request, or at what the engine is asked to do, and either misbehave or go on as if nothing had been.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.headers import firmware_header, read_defines

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hil.fixtures import HostMemory

_HEADER_FILE = firmware_header("engine/include/engine_abi.h")
_ABI = read_defines(_HEADER_FILE)
_OPERATIONS = {"NONE": 0} | {
    name: int(number) for name, number in re.findall(r"^\tENGINE_(\w+) = (\d+)", _HEADER_FILE.read_text(), re.MULTILINE)
}

# struct engine_header and struct engine_mailbox, `engine_abi.h`.
_HEADER = struct.Struct("<QII14Q")
_REQUEST_OFFSET = 88
_OPERATION_OFFSET = 0

# A64 instructions, Arm ARM (DDI 0487) section C6.2.
_LDR_W9_X0 = 0xB9400009  # ldr w9, [x0, #0]; bits 21:10 are the offset in words
_LDR_W10_NEXT_5 = 0x18000000 | 5 << 5 | 10  # ldr w10, .+20
_CMP_W9_W10 = 0x6B0A013F
_B_EQ_NEXT_4 = 0x54000000 | 4 << 5  # b.eq .+16
_LDR_X9_NEXT_2 = 0x58000000 | 2 << 5 | 9  # ldr x9, .+8
PUSH_ZEROS = 0xA9BF7FFF  # stp xzr, xzr, [sp, #-16]!
BACK_TO_LAST = 0x17FFFFFF  # b .-4
STORE_ZERO_AT_X9 = 0xF900013F  # str xzr, [x9]
LOAD_FROM_X9 = 0xF9400129  # ldr x9, [x9]
JUMP_TO_X9 = 0xD61F0120  # br x9
BREAKPOINT = 0xD4200000  # brk #0
UNDEFINED = 0x00000000  # udf #0
WINDOW_MARK = 0x800
"""An offset in the mailbox, inside its request, where planted code may leave something for the host to look at."""
COUNT_DOWN = (
    0xD2A60009,  # mov x9, #0x30000000: each turn has two instructions
    0xF1000529,  # subs x9, x9, #1
    0x54FFFFE1,  # b.ne .-4
)
"""Takes long in every run, where the time of the longest command of a TPM is a matter of luck."""
_LOOP_WHILE_ZERO = (
    0x18000000 | 3 << 5 | 9,  # ldr w9, .+12: the word behind these
    0x34000000 | 0x7FFFF << 5 | 9,  # cbz w9, .-4
    0x14000002,  # b .+8
)


def claim_an_image(size: int) -> tuple[int, ...]:
    """Return code that says that the image is the first `size` bytes of the window: less than 64 KiB, or n x 64 KiB."""
    move = 0xD2A00009 | size >> 16 << 5 if size % 0x10000 == 0 else 0xD2800009 | size << 5
    return (
        0xD2A20009,  # mov x9, #0x10000000: the start of the window
        0xF9000809,  # str x9, [x0, #16]: image_va
        move,  # mov x9, #size
        0xF9000C09,  # str x9, [x0, #24]: image_bytes
        0x52800000,  # mov w0, #0: ENGINE_OK
        0xD65F03C0,  # ret
    )


_MENU_ENTRY = 4
"""Instructions of each entry of a menu, with the branch behind it."""
_MENU = (
    0xAA0003EC,  # mov x12, x0
    0xF9403009,  # ldr x9, [x0, #96]: what the command has at offset 8
    0xB9405C0A,  # ldr w10, [x0, #92]: what it has at offset 4
    0x1000006B,  # adr x11, .+12: the first entry
    0x8B0A116B,  # add x11, x11, x10, lsl #4
    0xD61F0160,  # br x11
)
_ALL_IS_WELL = (
    0x52800149,  # mov w9, #10: a response of that length
    0xB9000D89,  # str w9, [x12, #12]
    0x52800000,  # mov w0, #0: ENGINE_OK
    0xD65F03C0,  # ret
)
NOP = 0xD503201F


def store_vector(index: int, offset: int) -> int:
    """Return `STR Q<index>, [X0, #offset]`: in the engine, X0 is its mailbox. `offset` is a multiple of 16."""
    return 0x3D800000 | offset // 16 << 10 | index


TRIGGER = bytes.fromhex("bad0f00d") + struct.pack("<II", 0x52800000, 0xD65F03C0)  # mov w0, #0; ret
"""A command that starts the misbehaviour; executed as code, it would say that all is well."""


def order(entry: int, operand: int = 0) -> bytes:
    """Return the command that makes an engine with a menu execute entry number `entry`, with x9 = `operand`."""
    return TRIGGER[:4] + struct.pack("<IQ", entry, operand)


def _branch(source: int, target: int) -> int:
    return 0x14000000 | (target - source) // 4 & 0x03FF_FFFF


@dataclass(frozen=True, slots=True)
class EngineLayout:
    """Where the engine's parts are; virtual addresses, of which code and constants are physical ones too."""

    text: int
    text_bytes: int
    rodata: int
    guard: int
    stack_top: int
    window: int
    entry: int

    @property
    def request(self) -> int:
        """Where the engine finds the command."""
        return self.window + _REQUEST_OFFSET

    @classmethod
    def read(cls, memory: HostMemory, image: int) -> EngineLayout:
        """Read the header of the engine image, which lies at the physical address `image`."""
        magic, *fields = _HEADER.unpack(memory.read(image, _HEADER.size))
        assert magic == _ABI["ENGINE_MAGIC"]
        text, text_bytes, rodata = fields[2], fields[3], fields[4]
        guard, stack_top, mailbox, entry = fields[9], fields[10], fields[11], fields[14]
        return cls(text, text_bytes, rodata, guard, stack_top, mailbox, entry)

    def plant(self, memory: HostMemory, *misbehaviour: int, address: int | None = None) -> None:
        """Let the engine execute `misbehaviour` on `TRIGGER`, with x9 = `address` if given.

        Do this before the engine has run on this emulator: code that it has translated already would not change.
        """
        attack = list(misbehaviour)
        if address is not None:
            attack = [_LDR_X9_NEXT_2, _branch(0, 12), address & 0xFFFF_FFFF, address >> 32, *attack]
        self._plant(memory, _REQUEST_OFFSET, int.from_bytes(TRIGGER[:4], "little"), attack)

    def plant_on_operation(self, memory: HostMemory, *misbehaviour: int) -> Callable[[str], None]:
        """Return what makes the engine execute `misbehaviour` whenever it is asked for an operation, such as `SUSPEND`.

        That may be said, and changed, at any time; `NONE` ends it. Plant before the engine has run.
        """
        expected = self._plant(memory, _OPERATION_OFFSET, _OPERATIONS["NONE"], misbehaviour)
        return lambda operation: memory.write(expected, struct.pack("<I", _OPERATIONS[operation]))

    def plant_menu(self, memory: HostMemory, place: int, entries: Sequence[Sequence[int]]) -> None:
        """Let the engine execute one of several pieces of code, each of up to three instructions, as `order` says.

        `place` is where code may be overwritten that no command uses. A piece that is allowed to end makes the engine
        return as if all were well.
        """
        code = list(_MENU)
        end = 4 * (len(_MENU) + _MENU_ENTRY * len(entries))
        for entry in entries:
            padded = [*entry, *[NOP] * (_MENU_ENTRY - 1 - len(entry))]
            code += [*padded, _branch(4 * (len(code) + len(padded)), end)]
        memory.write(place, struct.pack(f"<{len(code) + len(_ALL_IS_WELL)}I", *code, *_ALL_IS_WELL))
        self.plant(memory, JUMP_TO_X9, address=place)

    def plant_pause(self, memory: HostMemory) -> tuple[Callable[[str], None], Callable[[], None]]:
        """Return what makes the engine stand still when it is asked for an operation, and what ends that.

        Both can be used again.
        """
        expected = self._plant(memory, _OPERATION_OFFSET, _OPERATIONS["NONE"], (*_LOOP_WHILE_ZERO, 0))
        released = expected + 4 * (1 + len(_LOOP_WHILE_ZERO))

        def pause_on(operation: str) -> None:
            memory.write(released, bytes(4))
            memory.write(expected, struct.pack("<I", _OPERATIONS[operation]))

        return pause_on, lambda: memory.write(released, struct.pack("<I", 1))

    def _plant(self, memory: HostMemory, offset: int, expected: int, attack: Sequence[int]) -> int:
        """Let the engine execute `attack` when the word at `offset` of its mailbox is `expected`.

        Returns the address of the word with which that is compared.
        """
        (original,) = struct.unpack("<I", memory.read(self.entry, 4))
        trap = self.text + self.text_bytes - 64
        code = [_LDR_W9_X0 | offset // 4 << 10, _LDR_W10_NEXT_5, _CMP_W9_W10, _B_EQ_NEXT_4, original]
        code += [_branch(trap + 20, self.entry + 4), expected, *attack]
        code += [_branch(trap + 4 * len(code), trap + 16)]  # it was allowed: go on as if nothing had been
        assert not any(memory.read(trap, 64)), "no room behind the engine's code"
        memory.write(trap, struct.pack(f"<{len(code)}I", *code))
        memory.write(self.entry, struct.pack("<I", _branch(self.entry, trap)))
        return trap + 24
