"""The engine image of the firmware, run as a Linux program: see firmware/engine/host/loader.c for the protocol."""

from __future__ import annotations

import struct
import subprocess
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Self

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

if TYPE_CHECKING:
    from pathlib import Path

ENDLESS = 0xFFFF_FFFF
MAILBOX_BYTES = 3 * 4096
_REQUEST = struct.Struct("<4I")
_REPLY = struct.Struct("<2I4Q")


class Op(IntEnum):
    """`enum engine_op` and `enum host_op`."""

    MANUFACTURE = 1
    EXECUTE = 2
    SUSPEND = 3
    RESUME = 4
    RESET = 5
    FRESH = 100
    ENTROPY = 101
    POKE = 102


class Status(IntEnum):
    """`enum engine_status` and `enum host_status`."""

    OK = 0
    BAD_ARGUMENT = 1
    NO_ENTROPY = 2
    BAD_STATE = 3
    FATAL = 4
    CRASHED = 100
    BAD_REQUEST = 101


class Fault(IntEnum):
    """`enum engine_fault`."""

    HEAP_FULL = 5
    HEAP_CORRUPT = 6


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. `detail` is the fault of FATAL or the address of CRASHED; the rest are bytes."""

    status: Status
    detail: int
    heap: int
    heap_peak: int
    stack_peak: int
    payload: bytes


def symbols(image: Path) -> dict[str, int]:
    """Return the address of each symbol of the ELF file beside an engine image."""
    with image.with_suffix(".elf").open("rb") as file:
        table = ELFFile(file).get_section_by_name(".symtab")
        assert isinstance(table, SymbolTableSection)
        return {symbol.name: symbol["st_value"] for symbol in table.iter_symbols()}


class EngineError(Exception):
    """An operation that a test needs did not succeed."""


class EngineProcess:
    """One loader with one engine image and several windows."""

    def __init__(self, loader: Path, image: Path, log: Path) -> None:
        self.log = log
        with log.open("ab") as stderr:
            self._process = subprocess.Popen(
                ["qemu-aarch64", loader, image], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr
            )

    def close(self) -> None:
        """End the loader."""
        self._process.communicate(timeout=10)

    def call(self, op: Op, window: int = 0, argument: int = 0, payload: bytes = b"") -> Reply:
        """Make one call and return its outcome."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(_REQUEST.pack(op, window, argument, len(payload)) + payload)
        self._process.stdin.flush()
        head = self._process.stdout.read(_REPLY.size)
        if len(head) < _REPLY.size:
            raise EngineError(f"the loader ended with {self._process.wait(timeout=10)} in {op.name}")
        status, length, detail, heap, heap_peak, stack_peak = _REPLY.unpack(head)
        body = self._process.stdout.read(length)
        return Reply(Status(status), detail, heap, heap_peak, stack_peak, body)

    def window(self, number: int) -> Window:
        """Return a window as a new instance finds it."""
        return Window(self).move(number)


class Window:
    """One window, which carries TPM commands (`hil.target.tpm.Transport`) once it holds a TPM."""

    def __init__(self, process: EngineProcess, number: int = 0) -> None:
        self._process = process
        self._number = number

    def call(self, op: Op, argument: int = 0, payload: bytes = b"") -> Reply:
        """Make one call in this window."""
        return self._process.call(op, self._number, argument, payload)

    def need(self, op: Op, argument: int = 0, payload: bytes = b"") -> Reply:
        """Make one call that must succeed."""
        reply = self.call(op, argument, payload)
        if reply.status is not Status.OK:
            raise EngineError(f"{op.name} ended with {reply.status.name}, detail {reply.detail:#x}")
        return reply

    def move(self, number: int) -> Self:
        """Go on in another window, as a new instance finds it."""
        self._number = number
        self.need(Op.FRESH)
        return self

    def manufacture(self, profile: int = 0) -> Self:
        """Make a new TPM."""
        self.need(Op.MANUFACTURE, profile)
        return self

    def resume(self, image: bytes) -> Self:
        """Bring up the TPM of an image."""
        self.need(Op.RESUME, payload=image)
        return self

    def suspend(self) -> bytes:
        """Return the TPM's image."""
        return self.need(Op.SUSPEND).payload

    def reset(self) -> None:
        """_TPM_Init."""
        self.need(Op.RESET)

    def transmit(self, command: bytes) -> bytes:
        """Return the response to a TPM command."""
        return self.need(Op.EXECUTE, payload=command).payload
