"""The files that a flash writes, with their hashes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.errors import FlashError, UsageError
from hil.files import file_sha256
from hil.manifest import Manifest

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

WHOLE = "/"
"""The destination of an image that is written to a medium from its first byte on."""


@dataclass(frozen=True, slots=True)
class PayloadFile:
    """A file, and its destination on the medium. `size` is in bytes."""

    source: Path
    destination: str
    size: int
    sha256: str

    @classmethod
    def from_file(cls, source: Path, destination: str = WHOLE) -> PayloadFile:
        """Hash an existing file.

        Raises `UsageError` if it does not exist, and `FlashError` if it is not the one that its build made.
        """
        doing = f"preparing {source} for flashing"
        try:
            digest, size = file_sha256(source), source.stat().st_size
        except OSError as error:
            raise UsageError(f"no image {source}: {error.strerror}", doing=doing, hint="hil build") from None
        check_built(source, digest, doing)
        return cls(source, destination, size, digest)


@dataclass(frozen=True, slots=True)
class Payload:
    """Everything that a flash writes."""

    files: tuple[PayloadFile, ...]

    @classmethod
    def from_files(cls, files: Iterable[tuple[Path, str]]) -> Payload:
        """Hash existing files (source, destination). Raises what `PayloadFile.from_file` raises."""
        return cls(tuple(PayloadFile.from_file(source, destination) for source, destination in files))

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
