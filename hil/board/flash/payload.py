"""What a flash brings to a board: files, by content."""

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
"""The destination of an image that is the whole content of a medium, from its first byte on."""


@dataclass(frozen=True, slots=True)
class PayloadFile:
    """One file, and where on the medium it goes. `size` is in bytes."""

    source: Path
    destination: str
    size: int
    sha256: str

    @classmethod
    def of(cls, source: Path, destination: str = WHOLE) -> PayloadFile:
        """Describe a file that is there.

        Raises `UsageError` when there is none, and `FlashError` when it is not what its build made.
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
    """Everything that one flash writes."""

    files: tuple[PayloadFile, ...]

    @classmethod
    def of(cls, files: Iterable[tuple[Path, str]]) -> Payload:
        """Describe files (source, destination) that are there. Raises what `PayloadFile.of` raises."""
        return cls(tuple(PayloadFile.of(source, destination) for source, destination in files))

    @property
    def size(self) -> int:
        """All bytes."""
        return sum(file.size for file in self.files)

    @property
    def digest(self) -> str:
        """One SHA-256 for all: what is where, by content."""
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
