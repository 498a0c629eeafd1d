"""Media that hold files by name: the directory of a server, and a FAT partition of a disk."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import struct
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hil.board.flash.disk import Disk, Expected, examine, refuse
from hil.board.flash.errors import MediumMissing, WrongMedium
from hil.board.flash.procedure import FlashPhase, silent
from hil.board.flash.sdcard import SECTOR, mtools
from hil.errors import BoardUnreachable, FlashError, ToolFailed
from hil.files import file_sha256, replaced_atomically

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from hil.board.flash.payload import Payload
    from hil.board.flash.procedure import Medium, Meter

_FIRST_ENTRY = 446
_ENTRY_BYTES = 16
_FAT_TYPES = frozenset((0x01, 0x04, 0x06, 0x0B, 0x0C, 0x0E))


@dataclass(frozen=True, slots=True)
class Folder:
    """A `Medium`: a directory, such as that of a TFTP server. Other files in it are left alone."""

    name: str
    path: Path
    attached: Callable[[], AbstractContextManager[None]] = nullcontext

    def check(self, payload: Payload) -> None:
        """Refuse a directory that does not exist, or has too little space."""
        if not self.path.is_dir():
            raise MediumMissing(f"there is no directory {self.path}", hint="is the server's file system mounted?")
        free = shutil.disk_usage(self.path).free
        if free < payload.size:
            raise WrongMedium(f"{self.path} has room for {free} bytes, and {payload.size} are to be written")

    def agrees(self, payload: Payload) -> bool:
        """Compare all files."""
        return verifies(self, payload)

    def write(self, payload: Payload, meter: Meter) -> None:
        """Replace each file atomically, so that the board never fetches half a file."""
        done = 0
        for file in payload.files:
            target = self.path / file.destination
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                with replaced_atomically(target) as copy, file.source.open("rb") as source:
                    shutil.copyfileobj(source, copy)
                _drop_from_cache(target)
            except OSError as error:
                raise FlashError(f"cannot write {target}: {error.strerror}") from error
            done += file.size
            meter(FlashPhase.WRITING, done, payload.size)

    def verify(self, payload: Payload, meter: Meter) -> None:
        """Compare the hashes of the files in the directory."""
        done = 0
        for file in payload.files:
            target = self.path / file.destination
            try:
                found = file_sha256(target)
            except OSError as error:
                raise FlashError(f"cannot read {target} back: {error.strerror}") from error
            if found != file.sha256:
                raise FlashError(f"{target} reads back as {found}, but {file.sha256} was written")
            done += file.size
            meter(FlashPhase.VERIFYING, done, payload.size)


@dataclass(frozen=True, slots=True)
class FatPartition:
    """A `Medium`: a FAT partition of a disk, written by mtools, without mounting it. Other files are left alone.

    `path` returns the current path of the disk. `partition` counts from 1; 0 stands for a disk without partition table.
    """

    name: str
    path: Callable[[], str]
    partition: int
    expected: Expected = field(default_factory=Expected)
    attached: Callable[[], AbstractContextManager[None]] = nullcontext

    def check(self, payload: Payload) -> None:
        """Refuse every disk but the expected one."""
        path = self.path()
        refuse(examine(path), self.expected, payload.size)
        with self._held(path):
            self._drive(path)

    def agrees(self, payload: Payload) -> bool:
        """Compare all files, which are small."""
        return verifies(self, payload)

    def write(self, payload: Payload, meter: Meter) -> None:
        """Copy all files. The disk is kept open with O_EXCL meanwhile, so that nobody can mount it."""
        path = self.path()
        done = 0
        with self._held(path) as disk:
            drive = self._drive(path)
            for file in payload.files:
                folder = str(Path(file.destination).parent)
                with contextlib.suppress(ToolFailed):  # there already
                    mtools("mmd", "-D", "s", "-i", drive, f"::{folder}")
                try:
                    mtools("mcopy", "-o", "-i", drive, str(file.source), f"::{file.destination}")
                except ToolFailed as error:
                    raise FlashError(f"cannot write {file.destination}: {error.said}") from error
                done += file.size
                meter(FlashPhase.WRITING, done, payload.size)
            try:
                disk.sync()
            except OSError as error:
                raise FlashError(f"the data did not get onto the medium: {error.strerror}") from error

    def verify(self, payload: Payload, meter: Meter) -> None:
        """Read all files back, from the medium: `write` has dropped it from the page cache."""
        drive = self._drive(self.path())
        done = 0
        for file in payload.files:
            try:
                content = mtools("mcopy", "-n", "-i", drive, f"::{file.destination}", "-")
            except ToolFailed as error:
                raise FlashError(f"cannot read {file.destination} back: {error.said}") from error
            found = hashlib.sha256(content).hexdigest()
            if found != file.sha256:
                raise FlashError(f"{file.destination} reads back as {found}, but {file.sha256} was written")
            done += file.size
            meter(FlashPhase.VERIFYING, done, payload.size)

    @contextmanager
    def _held(self, path: str) -> Iterator[Disk]:
        try:
            disk = Disk(path, writable=True)
        except OSError as error:
            raise BoardUnreachable(
                f"cannot open {path}: {error.strerror}", hint="may this user write to it?"
            ) from error
        with disk:
            yield disk

    def _drive(self, path: str) -> str:
        """Return the name of the partition for mtools. Raises `WrongMedium` if it is not a FAT partition."""
        if self.partition == 0:
            return path
        with Disk(path, writable=False) as disk:
            return fat_drive(path, self.partition, disk.read(0, SECTOR))


def fat_drive(path: str, partition: int, sector: bytes) -> str:
    """Return the name of a FAT partition for mtools, by the first sector of its disk. Raises `WrongMedium`."""
    at = _FIRST_ENTRY + (partition - 1) * _ENTRY_BYTES
    kind, first = struct.unpack_from("<4xB3xI", sector, at) if sector[-2:] == b"\x55\xaa" else (0, 0)
    if kind not in _FAT_TYPES:
        raise WrongMedium(f"{path} has no FAT partition {partition}", hint="is it the controller's own disk?")
    return f"{path}@@{first * SECTOR}"


def verifies(medium: Medium, payload: Payload) -> bool:
    """Whether all that is on a medium is the payload: `agrees` of media on which that takes no time."""
    try:
        medium.verify(payload, silent)
    except FlashError:
        return False
    return True


def _drop_from_cache(path: Path) -> None:
    """Drop a file from the page cache, so that reading it back reads the medium."""
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
