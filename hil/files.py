"""Write files so that a reader, or a crash, never finds half of one, and name them by their content."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_PART_BYTES = 1 << 20


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of the content of a file, in hexadecimal. Raises `OSError` when it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def parts_with_data(descriptor: int, size: int) -> Iterator[tuple[int, int]]:
    """Yield start and end of each part of a file, up to `size`, that is more than a hole: lseek(2), SEEK_DATA."""
    end = 0
    while end < size:
        try:
            start = os.lseek(descriptor, end, os.SEEK_DATA)
        except OSError:  # ENXIO: nothing but a hole follows
            return
        if start >= size:
            return
        end = min(os.lseek(descriptor, start, os.SEEK_HOLE), size)
        yield start, end


def sparse_sha256(path: Path) -> str:
    """Return a SHA-256 of the content of a file and of where it is, without the holes: they would be read as zeros."""
    total = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        total.update(f"{size}".encode())
        for start, end in parts_with_data(file.fileno(), size):
            total.update(f" {start} {end} ".encode())
            for offset in range(start, end, _PART_BYTES):
                total.update(os.pread(file.fileno(), min(_PART_BYTES, end - offset), offset))
    return total.hexdigest()


def write_atomically(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Replace the content of `path` by `data`; `mode` are the permissions of the new file. Raises `OSError`."""
    with replaced_atomically(path, mode=mode) as file:
        file.write(data)


@contextmanager
def replaced_atomically(path: Path, *, mode: int = 0o644) -> Iterator[IO[bytes]]:
    """Yield a file whose content becomes that of `path` when the block ends without an error.

    Until then `path` keeps its old content, and it does so for good when the block or the disk fails. `mode` are the
    permissions of the new file, whatever the umask of the process is. Raises `OSError`.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            # Without this, a file system may make the new name durable before the content: an empty file after a crash.
            os.fsync(file.fileno())
        temporary.chmod(mode)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def error_of_writing(directory: Path) -> OSError | None:
    """Return the error that a file in `directory`, which need not be there yet, would get, or None without one."""
    there = next(place for place in (directory, *directory.absolute().parents) if os.path.lexists(place))
    try:
        with tempfile.TemporaryDirectory(dir=there, prefix="."):
            return None
    except OSError as error:
        return error


def open_shared(path: Path) -> int:
    """Open a file that all users read and write, and make it and its directory if they are not there.

    Raises `OSError`. Nobody can replace or remove somebody else's file there, nor have us follow a link of theirs.
    """
    if not path.parent.is_dir():
        with contextlib.suppress(FileExistsError):
            path.parent.mkdir(parents=True)
            path.parent.chmod(0o1777)  # as /tmp, whatever the umask is
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
    while True:
        # With O_CREAT, the kernel refuses files of others in such a directory (fs.protected_regular).
        with contextlib.suppress(FileNotFoundError):
            return os.open(path, flags)
        with contextlib.suppress(FileExistsError):
            made = os.open(path, flags | os.O_CREAT | os.O_EXCL)
            os.fchmod(made, 0o666)
            return made


def link_atomically(link: Path, target: str) -> None:
    """Make the symbolic link `link` point to `target`, without a moment in which it is missing. Raises `OSError`."""
    # There is no call that changes a link in place, and none that makes one under a name that is sure to be free:
    # a directory of our own is both for the moment until the rename.
    with tempfile.TemporaryDirectory(dir=link.parent, prefix=f".{link.name}.") as scratch:
        temporary = Path(scratch) / link.name
        temporary.symlink_to(target)
        temporary.replace(link)
