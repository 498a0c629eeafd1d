"""What a file is by its first bytes, whatever its name says, and its content when it is compressed.

Sources of the signatures: RFC 1952 (`gzip`), the .xz file format 1.2, RFC 8878 (`zstd`), and UEFI 2.10, chapter 5, for
MBR and GPT.
"""

from __future__ import annotations

import bz2
import contextlib
import errno
import gzip
import lzma
import math
import os
import shutil
import subprocess
import zlib
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, cast

from hil.errors import MissingTool, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

HEAD_BYTES = 8192
"""As much of a file as is looked at: a GPT header is in the second sector, of at most 4096 bytes."""
ZEROS = bytes(1 << 20)
_COMPRESSED = {
    b"\x1f\x8b": "gzip",
    b"\xfd7zXZ\0": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"BZh": "bzip2",
}
_KNOWN = {
    b"\x7fELF": "an ELF file (a program, or firmware before it was turned into an image)",
    b"PK\x03\x04": "a ZIP archive",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive",
    b"\xd0\x0d\xfe\xed": "a device tree, or a FIT image",
    b"MZ": "a PE file (a kernel, or a program of UEFI)",
    b"QFI\xfb": "an image of QEMU (qcow2)",
    b"hsqs": "a squashfs",
}
_GIT_LFS = b"version https://git-lfs.github.com/spec/"
_WEB_PAGE = (b"<!doctype html", b"<html")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_MBR_SIGNATURE = slice(510, 512)
_GPT_HEADERS = (512, 4096)
_TAR = slice(257, 262)
_ARM64_KERNEL = slice(56, 60)
_DAMAGED = (EOFError, OSError, zlib.error, lzma.LZMAError)
_TEXT = bytes(range(32, 127)) + b"\t\r\n\f"


def compression(head: bytes) -> str:
    """Return the format that a file is compressed in, by its first bytes; nothing if it is not."""
    return next((name for signature, name in _COMPRESSED.items() if head.startswith(signature)), "")


def refuse_what_is_no_file(head: bytes, source: Path, doing: str) -> None:
    """Raise `UsageError` for what stands in the place of a file that was not fetched: nothing, a web page, a pointer.

    `head` are the first bytes of the file or, of a compressed one, of its content.
    """
    text = head.removeprefix(_BYTE_ORDER_MARK).lstrip().lower()
    if not head:
        found, hint = "is empty", "make it again: a build or a download was interrupted"
    elif head.startswith(_GIT_LFS):
        found, hint = "is a pointer of Git LFS, not the file itself", "git lfs pull"
    elif text.startswith(_WEB_PAGE):
        found, hint = "is a web page", "download the file itself: a server has sent a page about it, or about an error"
    else:
        return
    raise UsageError(f"{source} {found}", doing=doing, hint=hint)


def require_partitions(head: bytes, source: Path, doing: str) -> None:
    """Raise `UsageError` if the image of a whole card has neither an MBR nor a GPT, and say what the file is."""
    if head[_MBR_SIGNATURE] == b"\x55\xaa" or any(head[at : at + 8] == b"EFI PART" for at in _GPT_HEADERS):
        return
    raise UsageError(
        f"{source} is no image of a whole card: it has no partition table (MBR or GPT); it is {_described(head)}",
        doing=doing,
        hint="name the image of the card in the board file; if the board boots from a card without a partition table, "
        "`partitioned: false` of the CardFlasher",
    )


@contextmanager
def opened(source: Path, kind: str, doing: str) -> Iterator[IO[bytes]]:
    """Open the content of a file that is compressed in the format `kind`; of no format: the file itself.

    Raises `OSError` if it cannot be opened, `MissingTool`, and `UsageError` when it turns out to be damaged.
    """
    if not kind:
        with source.open("rb", buffering=0) as file:
            yield cast("IO[bytes]", _SparseFile(file.fileno()))
        return
    with source.open("rb"):
        pass  # a file that cannot be read is another error than a damaged one
    try:
        with _zstd(source) if kind == "zstd" else _READERS[kind](source) as file:
            yield file
    except _DAMAGED as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise UsageError(
            f"{source} is compressed ({kind}) and damaged: {error}", doing=doing, hint="download or compress it again"
        ) from None


def _described(head: bytes) -> str:
    if kind := compression(head):
        return f"still compressed ({kind}), after it was unpacked once"
    for signature, name in _KNOWN.items():
        if head.startswith(signature):
            return name
    if head[_TAR] == b"ustar":
        return "a tar archive"
    if head[_ARM64_KERNEL] == b"ARM\x64":
        return "a kernel for arm64"
    if not head.strip(b"\0"):
        return "zeros at the beginning"
    if not head.translate(None, _TEXT):
        return f"a text: {head.split()[0][:40].decode() if head.split() else 'blanks'}..."
    return f"of an unknown kind: {head[:16].hex(' ')}"


class _SparseFile:
    """A file whose holes are not read: their zeros are always the same object, and cost nothing."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._at = 0

    def read(self, size: int) -> bytes:
        size = min(size, os.fstat(self._descriptor).st_size - self._at)
        if size <= len(ZEROS) and self._next_data() >= self._at + size:
            data = ZEROS if size == len(ZEROS) else bytes(size)
        else:
            data = os.pread(self._descriptor, size, self._at)
        self._at += len(data)
        return data

    def _next_data(self) -> float:
        try:
            return os.lseek(self._descriptor, self._at, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return math.inf
            raise


def _reader(module: object) -> Callable[[Path], IO[bytes]]:
    return lambda source: cast("IO[bytes]", module.open(source, "rb"))  # type: ignore[attr-defined]


_READERS = {"gzip": _reader(gzip), "xz": _reader(lzma), "bzip2": _reader(bz2)}


class _Pipe:
    """The output of a program that unpacks; a read at its end raises `EOFError` if the program failed."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def read(self, size: int) -> bytes:
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        data = self._process.stdout.read(size)
        if len(data) < size and self._process.wait():
            raise EOFError(self._process.stderr.read().decode(errors="replace").strip())
        return data


@contextmanager
def _zstd(source: Path) -> Iterator[IO[bytes]]:
    """Unpack by the program: Python 3.11 has no module for it."""
    program = shutil.which("zstd")
    if program is None:
        raise MissingTool(f"{source} is compressed by zstd, and there is no `zstd`", hint="apt-get install zstd")
    command = [program, "--decompress", "--quiet", "--stdout", "--memory=2048MB", "--", str(source)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            yield cast("IO[bytes]", _Pipe(process))
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
