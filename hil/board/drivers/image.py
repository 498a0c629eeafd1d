"""An image for an emulated board: copied to memory, read back, and sealed, so that no build changes it during a run."""

from __future__ import annotations

import fcntl
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from hil.board.flash.payload import check_built
from hil.errors import FlashError, UsageError
from hil.files import file_sha256

_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


@dataclass(frozen=True, slots=True)
class FlashedImage:
    """A copy of `source` in memory that QEMU inherits as descriptor `fd`."""

    source: Path
    sha256: str
    size: int
    fd: int

    @property
    def path(self) -> str:
        """The path by which a process that inherits `fd` can open the copy."""
        return f"/proc/self/fd/{self.fd}"

    def close(self) -> None:
        """Free the copy."""
        os.close(self.fd)


def flash(source: Path) -> FlashedImage:
    """Copy `source`, check it against its build's manifest, read the copy back and seal it.

    Raises `UsageError` when there is no image, and `FlashError` when it is not what was built or does not read back.
    """
    doing = f"flashing {source}"
    try:
        data = source.read_bytes()
    except OSError as error:
        raise UsageError(
            f"no image {source}: {error.strerror}", doing=doing, hint="hil build, or hil run --firmware DIR"
        ) from None
    try:
        kept = keep(source, data)
    except FlashError as error:
        raise error.within(doing=doing) from None
    try:
        check_built(source, kept.sha256, doing)
    except BaseException:
        kept.close()
        raise
    return kept


def keep(source: Path, data: bytes) -> FlashedImage:
    """Return a sealed copy of `data`, the content of `source`. Raises `FlashError` if it does not read back."""
    digest = hashlib.sha256(data).hexdigest()
    fd = os.memfd_create(source.name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        written = 0
        while written < len(data):
            written += os.write(fd, data[written:])
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, _SEALS)
        verify(fd, digest)
    except OSError as error:
        os.close(fd)
        raise FlashError(f"cannot write the copy of {source.name}: {error.strerror}") from error
    except FlashError:
        os.close(fd)
        raise
    return FlashedImage(source, digest, len(data), fd)


def verify(fd: int, sha256: str) -> None:
    """Read all of `fd` back. Raises `FlashError` when it is not what was written."""
    found = file_sha256(Path(f"/proc/self/fd/{fd}"))
    if found != sha256:
        raise FlashError(f"read back {found}, but {sha256} was written", hint="the board is dirty: flash it again")
