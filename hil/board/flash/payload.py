"""The files that a flash writes, with their hashes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from hil.board.flash.blockmap import BlockMap, BlockMapCheck
from hil.board.flash.content import HEAD_BYTES, compression, opened, refuse_what_is_no_file, require_partitions
from hil.errors import FlashError, UsageError
from hil.manifest import Manifest

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager
    from pathlib import Path

WHOLE = "/"
"""The destination of an image that is written to a medium from its first byte on."""
_READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class PayloadFile:
    """A file, and its destination on the medium.

    `size` and `sha256` are of what is written: the content of an image that is compressed in the format `compression`.
    `blocks` says which parts of an image have content.
    """

    source: Path
    destination: str
    size: int
    sha256: str
    compression: str = ""
    blocks: BlockMap | None = None

    @classmethod
    def from_file(cls, source: Path, destination: str = WHOLE, *, partitioned: bool = True) -> PayloadFile:
        """Hash an existing file, and look at what it is: this is the place of these checks for all media.

        Raises `UsageError` if it does not exist, is no file of firmware, is damaged, or is the image of a whole card
        without a partition table (unless not `partitioned`); and `FlashError` if it is not the one that its build made.
        """
        doing = f"preparing {source} for flashing"
        try:
            with source.open("rb") as file:
                head = file.read(HEAD_BYTES)
            refuse_what_is_no_file(head, source, doing)
            kind = compression(head) if destination == WHOLE else ""
            digest = _sha256(source, doing)
            check_built(source, digest, doing)
            if destination != WHOLE:
                return cls(source, destination, source.stat().st_size, digest)
            return cls._image(source, kind, digest, doing, partitioned=partitioned)
        except OSError as error:
            raise UsageError(f"no image {source}: {error.strerror}", doing=doing, hint="hil build") from None

    @classmethod
    def _image(cls, source: Path, kind: str, digest: str, doing: str, *, partitioned: bool) -> PayloadFile:
        """Read the content of an image once: compare it with its block map, and hash it if the file's hash is not its.

        Raises `OSError`.
        """
        blocks = BlockMap.beside(source)
        with opened(source, kind, doing) as content:
            head = content.read(HEAD_BYTES)
            refuse_what_is_no_file(head, source, doing)
            if partitioned:
                require_partitions(head, source, doing)
            if not kind and blocks is None:
                return cls(source, WHOLE, source.stat().st_size, digest)
            check = BlockMapCheck(blocks) if blocks else None
            unpacked, size, chunk = hashlib.sha256(), 0, head
            while chunk:
                unpacked.update(chunk)
                size += len(chunk)
                if check:
                    check.update(chunk)
                chunk = content.read(_READ_BYTES)
            if check:
                check.finish()
        return cls(source, WHOLE, size, unpacked.hexdigest(), kind, blocks)

    def open(self) -> AbstractContextManager[IO[bytes]]:
        """Open what is written."""
        return opened(self.source, self.compression, f"reading {self.source}")


@dataclass(frozen=True, slots=True)
class Payload:
    """Everything that a flash writes."""

    files: tuple[PayloadFile, ...]

    @classmethod
    def from_files(cls, files: Iterable[tuple[Path, str]], *, partitioned: bool = True) -> Payload:
        """Hash existing files (source, destination). Takes and raises what `PayloadFile.from_file` does."""
        return cls(
            tuple(PayloadFile.from_file(source, destination, partitioned=partitioned) for source, destination in files)
        )

    @property
    def size(self) -> int:
        """The total size in bytes."""
        return sum(file.size for file in self.files)

    @property
    def announced(self) -> bool:
        """Whether the firmware says at boot which build it is, so that a look at the medium is not needed."""
        return any(manifest.build_ids for file in self.files if (manifest := Manifest.beside(file.source)))

    @property
    def digest(self) -> str:
        """A SHA-256 over the destinations and contents of all files."""
        lines = sorted(f"{file.destination} {file.sha256}\n" for file in self.files)
        return hashlib.sha256("".join(lines).encode()).hexdigest()


def _sha256(source: Path, doing: str) -> str:
    """Return the SHA-256 of a file as it lies there. Raises `OSError`."""
    digest = hashlib.sha256()
    with opened(source, "", doing) as file:
        while chunk := file.read(_READ_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def check_built(source: Path, digest: str, doing: str) -> None:
    """Raise `FlashError` when the manifest beside `source` gives another SHA-256 for it than `digest`.

    What no build of ours made has no manifest, and is taken as it is. Raises `UsageError` when the manifest is damaged.
    """
    manifest = Manifest.beside(source)
    built = manifest.files.get(source.name) if manifest else None
    if built is not None and built.sha256 != digest:
        raise FlashError(
            f"{source.name} is not what was built: its SHA-256 is {digest}, its manifest says {built.sha256}",
            doing=doing,
            hint="hil build",
        )
