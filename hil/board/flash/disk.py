"""Disks: their properties, whether they may be written, and access to their bytes that bypasses the page cache."""

from __future__ import annotations

import errno
import json
import mmap
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from hil.board.flash.errors import MediumInUse, MediumMissing, WrongMedium
from hil.errors import FlashError, ToolFailed, ToolTimeout
from hil.tools import run_tool

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

CHUNK_BYTES = 1 << 20
SECTOR_BYTES = 4096
"""The largest sector size of any disk."""
LOOK_SECONDS = 20.0
_COLUMNS = "PATH,TYPE,SIZE,SERIAL,MODEL,TRAN,FSTYPE,MOUNTPOINTS"
_WHOLE_DISKS = ("disk", "loop")
_MEMBERS = ("LVM2_member", "linux_raid_member", "crypto_LUKS", "zfs_member", "bcache", "swap")
"""File system types, as named by blkid, of disks that are a part of something larger, whether in use or not."""


@dataclass(frozen=True, slots=True)
class Expected:
    """The properties of a medium that a board file expects; sizes are in bytes. An empty serial number matches any."""

    serial: str = ""
    smallest: int = 0
    largest: int = 1 << 62


@dataclass(frozen=True, slots=True)
class DiskFacts:
    """The properties of a disk. `uses` says in words what the machine uses it for."""

    path: str
    kind: str
    size: int
    serial: str = ""
    model: str = ""
    uses: tuple[str, ...] = ()

    def __str__(self) -> str:
        serial = f", serial number {self.serial}" if self.serial else ""
        return f"{self.path} ({self.model or self.kind}, {in_words(self.size)}{serial})"


def examine(path: str, prefix: Sequence[str] = ()) -> DiskFacts:
    """Examine a disk, or a file in place of one. Raises `MediumMissing` if it does not exist.

    If `prefix` is not empty, it is a command that runs its arguments on another machine, which has the disk.
    """
    if prefix:
        return parse(_lsblk(path, prefix))
    place = Path(path).resolve()
    if not place.exists():
        raise MediumMissing(f"there is no {path}", hint="is it plugged in, and does the board file name it?")
    if place.is_block_device():
        return parse(_lsblk(str(place)))
    if not place.is_file() or place.is_relative_to("/dev"):
        raise WrongMedium(f"{path} is no disk", hint="a plain file below /dev is left from a tool that found no disk")
    return DiskFacts(path, "file", place.stat().st_size)


def parse(document: dict[str, Any]) -> DiskFacts:
    """Parse the output of `lsblk --json --bytes` for one disk and everything on it."""
    (disk,) = document["blockdevices"]
    return DiskFacts(
        disk["path"],
        disk["type"],
        int(disk["size"] or 0),
        (disk["serial"] or "").strip(),
        (disk["model"] or "").strip(),
        tuple(use for node in _tree(disk) for use in _uses(node)),
    )


def refuse(facts: DiskFacts, expected: Expected, needed: int) -> None:
    """Raise `WrongMedium`, `MediumInUse` or `MediumMissing` unless `needed` bytes may be written to the disk."""
    if facts.kind not in (*_WHOLE_DISKS, "file"):
        raise WrongMedium(f"{facts} is a {facts.kind}, not a whole disk")
    if facts.uses:
        raise MediumInUse(f"{facts} is in use by this machine: {'; '.join(facts.uses)}", hint="nothing was written")
    if expected.serial and facts.serial != expected.serial:
        raise WrongMedium(f"{facts} is not the disk with serial number {expected.serial} that the board file names")
    if facts.size == 0:
        raise MediumMissing(f"{facts.path} has no medium in it", hint="is there a card in the reader?")
    if not expected.smallest <= facts.size <= expected.largest:
        raise WrongMedium(
            f"{facts} is not of the size that the board file names: "
            f"{in_words(expected.smallest)} to {in_words(expected.largest)}"
        )
    if needed > facts.size:
        raise WrongMedium(f"{facts} is too small for an image of {in_words(needed)}")


class Disk:
    """A disk, opened without the page cache (O_DIRECT), and for writing only if nothing else on this machine uses it.

    Without O_DIRECT, reading back would return the bytes in the cache, not those on the medium. Offsets must be
    multiples of the sector size. The kernel's own timeouts end accesses to a disk that hangs.
    """

    def __init__(self, path: str, *, writable: bool) -> None:
        flags = os.O_CLOEXEC | (os.O_RDWR if writable else os.O_RDONLY)
        if not Path(path).is_file():
            # On a block device O_EXCL fails with EBUSY while it, or a partition of it, is mounted or claimed.
            flags |= os.O_DIRECT | (os.O_EXCL if writable else 0)
        try:
            self._fd = os.open(path, flags)
        except OSError as error:
            if error.errno == errno.EBUSY:
                raise MediumInUse(f"{path} is in use by this machine", hint="nothing was written") from None
            raise
        self._buffer = mmap.mmap(-1, CHUNK_BYTES)  # O_DIRECT requires aligned memory

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def write(self, offset: int, data: bytes) -> None:
        """Write all of `data`, at most `CHUNK_BYTES`, and zeros up to the end of its last sector. Raises `OSError`."""
        size = rounded(len(data))
        self._buffer[:size] = data.ljust(size, b"\0")
        done = 0
        with memoryview(self._buffer) as buffer:
            while done < size:
                done += os.pwritev(self._fd, [buffer[done:size]], offset + done)

    def read(self, offset: int, size: int) -> bytes:
        """Return `size` bytes, at most `CHUNK_BYTES`, or fewer at the end of the disk. Raises `OSError`."""
        with memoryview(self._buffer) as buffer:
            found = os.preadv(self._fd, [buffer[: rounded(size)]], offset)
        return self._buffer[: min(size, found)]

    def sync(self) -> None:
        """Wait until all data is on the medium, and drop it from the page cache. Raises `OSError`."""
        os.fsync(self._fd)
        os.posix_fadvise(self._fd, 0, 0, os.POSIX_FADV_DONTNEED)

    def close(self) -> None:
        """Close it."""
        os.close(self._fd)
        self._buffer.close()


def rounded(size: int) -> int:
    """Return `size` rounded up to whole sectors."""
    return -(-size // SECTOR_BYTES) * SECTOR_BYTES


def in_words(size: int) -> str:
    """Format a number of bytes in decimal units, as card makers do."""
    for unit, scale in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= scale:
            return f"{size / scale:.3g} {unit}"
    return f"{size} bytes"


def _lsblk(path: str, prefix: Sequence[str] = ()) -> dict[str, Any]:
    try:
        command = [*prefix, "lsblk", "--json", "--bytes", "--output", _COLUMNS, path]
        listed = run_tool(command, seconds=LOOK_SECONDS, install="apt-get install util-linux")
        document: dict[str, Any] = json.loads(listed.text)
    except ToolFailed as error:
        raise MediumMissing(f"lsblk cannot look at {path}: {error.said}") from None
    except ToolTimeout:
        raise FlashError(f"{path} does not answer within {LOOK_SECONDS:g} s", hint="unplug it and plug it in") from None
    return document


def _tree(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("children", ()):
        yield from _tree(child)


def _uses(node: dict[str, Any]) -> Iterator[str]:
    for mountpoint in node["mountpoints"]:
        if mountpoint:
            yield f"{node['path']} is swap" if mountpoint == "[SWAP]" else f"{node['path']} is mounted at {mountpoint}"
    if node["fstype"] in _MEMBERS:
        yield f"{node['path']} holds {node['fstype']}"
    if node["type"] not in (*_WHOLE_DISKS, "part", "rom"):
        yield f"{node['path']} is a {node['type']} on it"
