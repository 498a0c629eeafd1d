"""Makes initramfs archives in cpio's "newc" format; equal contents give equal bytes.

The kernel's Documentation/driver-api/early-userspace/buffer-format.rst defines the format. All files belong to root and
date from 1970, so that an archive depends on names, permissions and contents only.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from hil.firmware.errors import BuildFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAGIC = "070701"
_ALIGNMENT = 4
_TRAILER = "TRAILER!!!"


@dataclass(frozen=True, slots=True)
class ArchiveEntry:
    """One file: `mode` with its type bits, and its bytes, or the target of a symbolic link."""

    mode: int
    content: bytes = b""


class Initramfs:
    """Files by their path relative to the root. Parent directories are added automatically."""

    def __init__(self) -> None:
        self._entries: dict[str, ArchiveEntry] = {}

    def directory(self, path: str, permissions: int = 0o755) -> None:
        """Add a directory, or set the permissions of one."""
        self._put(path, ArchiveEntry(stat.S_IFDIR | permissions), replacing=True)

    def file(self, path: str, content: bytes, permissions: int = 0o644) -> None:
        """Add a file. Raises `BuildFailed` when there is something else under that name."""
        self._put(path, ArchiveEntry(stat.S_IFREG | permissions, content))

    def link(self, path: str, target: str) -> None:
        """Add a symbolic link. Raises `BuildFailed` when there is something else under that name."""
        self._put(path, ArchiveEntry(stat.S_IFLNK | 0o777, target.encode()))

    def tree(self, source: Path) -> None:
        """Add all files below a directory; those that may be executed there may be executed here."""
        for path in sorted(source.rglob("*")):
            name = path.relative_to(source).as_posix()
            if path.is_dir():
                self.directory(name)
            else:
                self.file(name, path.read_bytes(), 0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644)

    def cpio(self) -> bytes:
        """Return the archive, sorted by path."""
        records = [
            _record(number, path, entry) for number, (path, entry) in enumerate(sorted(self._entries.items()), 1)
        ]
        return b"".join([*records, _record(0, _TRAILER, ArchiveEntry(0))])

    def __iter__(self) -> Iterator[str]:
        """Iterate over the paths."""
        return iter(self._entries)

    def _put(self, path: str, entry: ArchiveEntry, *, replacing: bool = False) -> None:
        pure = PurePosixPath(path)
        if pure.is_absolute() or ".." in pure.parts or not pure.parts:
            raise BuildFailed(f"{path!r} is no path relative to the root", doing="making an initramfs")
        for parent in pure.parents[:-1]:
            self._entries.setdefault(str(parent), ArchiveEntry(stat.S_IFDIR | 0o755))
        old = self._entries.get(str(pure))
        if old is not None and old != entry and not (replacing and stat.S_ISDIR(old.mode)):
            raise BuildFailed(f"two different things want to be {path}", doing="making an initramfs")
        self._entries[str(pure)] = entry


def _record(number: int, path: str, entry: ArchiveEntry) -> bytes:
    name = path.encode() + b"\0"
    links = 2 if stat.S_ISDIR(entry.mode) else 1
    # ino, mode, uid, gid, nlink, mtime, filesize, devmajor, devminor, rdevmajor, rdevminor, namesize, check
    fields = (number, entry.mode, 0, 0, links, 0, len(entry.content), 0, 0, 0, 0, len(name), 0)
    header = (_MAGIC + "".join(f"{field:08x}" for field in fields)).encode()
    return _padded(header + name) + _padded(entry.content)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % _ALIGNMENT)
