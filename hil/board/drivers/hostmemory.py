"""Accesses the RAM of an emulated machine, secure RAM included, from the host, without the machine's processors.

QEMU prints the address of each block of RAM in its own address space (`info ramblock`) and the physical addresses at
which the machine's processors find it (`info mtree`). The bytes are accessed by /proc/PID/mem, which a parent may open.
"""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from hil.errors import InfrastructureError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PART_BYTES = 1 << 24
"""How much is read at once: a machine may have more memory than its host has to spare."""

_BLOCK = re.compile(r"^\s*(\S+)\s+\d+ \S+\s+0x[0-9a-f]+ 0x[0-9a-f]+ 0x[0-9a-f]+ 0x([0-9a-f]+)\s+rw", re.MULTILINE)
_VIEW = re.compile(r"^FlatView #", re.MULTILINE)
_OF_A_PROCESSOR = 'AS "cpu-'
_PLACE = re.compile(r"([0-9a-f]{16})-([0-9a-f]{16}) \(prio -?\d+, ram\): (\S+)")


@dataclass(frozen=True, slots=True)
class _Block:
    pa: int
    length: int
    host: int


@dataclass(frozen=True, slots=True)
class HostMemory:
    """Reads and writes physical memory, unnoticed by the processors. Addresses and lengths are in bytes."""

    pid: int
    blocks: tuple[_Block, ...]

    @classmethod
    def from_process(cls, pid: int, ask: Callable[[str], str]) -> Self:
        """Find the RAM of the QEMU process `pid`; `ask` executes a command of its human monitor."""
        hosts = {name: int(address, 16) for name, address in _BLOCK.findall(ask("info ramblock"))}
        places = {
            (int(start, 16), int(end, 16) + 1 - int(start, 16), name)
            for view in _VIEW.split(ask("info mtree -f"))
            if _OF_A_PROCESSOR in view
            for start, end, name in _PLACE.findall(view)
            if name in hosts
        }
        if not places:
            raise InfrastructureError("QEMU names no RAM in `info ramblock` and `info mtree`", doing="finding its RAM")
        return cls(pid, tuple(_Block(pa, length, hosts[name]) for pa, length, name in sorted(places)))

    def read(self, pa: int, length: int) -> bytes:
        """Read from a physical address."""
        content = b""
        with self._open(os.O_RDONLY) as memory, contextlib.suppress(OSError):
            content = os.pread(memory, length, self._host(pa, length))
        if len(content) < length:
            raise InfrastructureError(f"process {self.pid} has ended", doing="accessing RAM from the host")
        return content

    def write(self, pa: int, data: bytes) -> None:
        """Write to a physical address; the machine should be idle or halted."""
        with self._open(os.O_RDWR) as memory:
            os.pwrite(memory, data, self._host(pa, len(data)))

    def find(self, needle: bytes, within: range | None = None) -> Iterator[int]:
        """Yield the physical address of each occurrence of `needle` in RAM, or in the range `within`."""
        for block in self.blocks:
            start, end = block.pa, block.pa + block.length
            if within is not None:
                start, end = max(start, within.start), min(end, within.stop)
            overlap = len(needle) - 1
            for part in range(start, end - overlap, PART_BYTES):
                content = self.read(part, min(part + PART_BYTES + overlap, end) - part)
                at = content.find(needle)
                while at >= 0:
                    yield part + at
                    at = content.find(needle, at + 1)

    def _host(self, pa: int, length: int) -> int:
        for block in self.blocks:
            if block.pa <= pa and pa + length <= block.pa + block.length:
                return block.host + pa - block.pa
        raise UsageError(f"{pa:#x} to {pa + length:#x} is not RAM of this machine", doing="accessing RAM from the host")

    @contextlib.contextmanager
    def _open(self, flags: int) -> Iterator[int]:
        try:
            memory = os.open(f"/proc/{self.pid}/mem", flags | os.O_CLOEXEC)
        except OSError as error:
            raise InfrastructureError(
                f"cannot open the memory of process {self.pid}: {error.strerror}", doing="accessing RAM from the host"
            ) from error
        try:
            yield memory
        finally:
            os.close(memory)
