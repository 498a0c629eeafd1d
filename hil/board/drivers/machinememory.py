"""The RAM of an emulated machine as a file, so that a saved machine need not be read again by each that continues.

The file of a saved state begins with the RAM and has the state of the devices behind it. A machine that continues maps
the RAM privately: what it only reads it shares with all others, and what it writes is copied page by page. QEMU leaves
the RAM out of the state of the devices as long as it is shared (migration capability `x-ignore-shared`), so a machine
that is going to be saved has its RAM in a shared file in memory.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from hil.errors import BoardFileError
from hil.files import parts_with_data

if TYPE_CHECKING:
    from pathlib import Path

NAME = "memory"
"""QEMU's name of the RAM; it is part of what is saved."""
OF_MACHINE = ("-machine", f"memory-backend={NAME}")
_MAGIC = b"QEVM"
"""How the state of the devices begins: QEMU's migration/savevm.h, QEMU_VM_FILE_MAGIC."""
_SIZE = re.compile(r"(?P<number>\d+)(?P<unit>[KMGT]?)", re.IGNORECASE)
_UNITS = {"K": 1 << 10, "": 1 << 20, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_PART_BYTES = 1 << 16


def size_of(memory: str) -> int:
    """Return the size in bytes that QEMU's option `-m` means. Raises `BoardFileError` for what is no size."""
    if found := _SIZE.fullmatch(memory.strip()):
        return int(found["number"]) * _UNITS[found["unit"].upper()]
    raise BoardFileError(f"`memory: {memory}` is no size", hint="a number with K, M or G, such as 1G")


@dataclass(frozen=True, slots=True)
class MachineMemory:
    """The RAM of one machine, at the beginning of the file at `path`.

    `descriptor` is that of a file in memory which is this machine's own, and None for the file of a saved state.
    """

    path: str
    size: int
    descriptor: int | None

    @classmethod
    def own(cls, size: int, like: Path | None = None) -> Self:
        """Make a file in memory, for a machine that can be saved; with the content of a saved state if one is given."""
        descriptor = os.memfd_create("machine-memory", os.MFD_CLOEXEC)
        os.ftruncate(descriptor, size)
        if like is not None:
            source = os.open(like, os.O_RDONLY | os.O_CLOEXEC)
            try:
                _copy(source, descriptor, size)
            finally:
                os.close(source)
        return cls(f"/proc/self/fd/{descriptor}", size, descriptor)

    @classmethod
    def saved(cls, path: Path, size: int) -> Self:
        """Return the memory of a saved state, for a machine that continues from it."""
        return cls(str(path), size, None)

    @property
    def arguments(self) -> list[str]:
        """QEMU's description of the memory. A file is opened for reading, and what the machine writes stays private."""
        use = "share=on" if self.descriptor is not None else "share=off,readonly=on,rom=off"
        path = self.path.replace(",", ",,")
        return ["-object", f"memory-backend-file,id={NAME},size={self.size},mem-path={path},{use}"]

    def write(self, path: Path) -> None:
        """Write the memory to the beginning of the file of a saved state, which has the state of the devices behind."""
        assert self.descriptor is not None
        target = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            _copy(self.descriptor, target, self.size)
        finally:
            os.close(target)

    def close(self) -> None:
        """Free the file in memory, once no machine uses it."""
        if self.descriptor is not None:
            os.close(self.descriptor)


def has_memory(state: Path, size: int) -> bool:
    """Whether the file of a saved state begins with the RAM: then the state of the devices is behind it."""
    with state.open("rb") as file:
        file.seek(size)
        return file.read(len(_MAGIC)) == _MAGIC


def _copy(source: int, target: int, size: int) -> None:
    """Copy what is no zeros: the memory of a machine is mostly empty, and zeros take no room in the file."""
    zeros = bytes(_PART_BYTES)
    for start, end in parts_with_data(source, size):
        for offset in range(start, end, _PART_BYTES):
            part = os.pread(source, min(_PART_BYTES, end - offset), offset)
            if part != zeros[: len(part)]:
                os.pwrite(target, part, offset)
