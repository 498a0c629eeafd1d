"""Finds the source line of an address in the ELF files of a build."""

from __future__ import annotations

import posixpath
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.errors import UsageError
from hil.files import file_sha256
from hil.manifest import MANIFEST, Manifest
from hil.target.crash.crash import Place
from hil.tools import ask_tool

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

ADDR2LINE = "aarch64-linux-gnu-addr2line"
SUFFIX = ".elf"
_SECONDS = 20.0
_NOWHERE = "??"

# Our sources are compiled from copies inside other build trees; these are the directories of those copies.
_SERVICE = "/services/spd/vtpm/"
_TRUSTED_FIRMWARE = "/tfa/"


@dataclass(frozen=True, slots=True)
class Elf:
    """An ELF file of a build, and the SHA-256 that the build's manifest gives it."""

    path: Path
    sha256: str

    @property
    def name(self) -> str:
        """The program in it: `bl31`, `engine`, `monitor` or `guest`."""
        return self.path.stem

    @property
    def intact(self) -> bool:
        """Whether the file still is the one of that build; one that was rebuilt would show wrong lines."""
        try:
            return file_sha256(self.path) == self.sha256
        except OSError:
            return False

    def places(self, addresses: Mapping[str, int]) -> Iterator[Place]:
        """Yield the locations of the addresses, by register, that are in this file's code."""
        command = [ADDR2LINE, "-fC", "-e", str(self.path), *(f"{address:#x}" for address in addresses.values())]
        lines = (ask_tool(command, seconds=_SECONDS) or "").splitlines()
        for (register, address), function, at in zip(addresses.items(), lines[::2], lines[1::2], strict=False):
            if function != _NOWHERE:
                file, _, line = at.partition(" ")[0].rpartition(":")
                known = not file.startswith(_NOWHERE) and line.isdigit()
                where = (_shown(file), int(line)) if known else ("", 0)
                yield Place(register, f"{address:#x}", function, self.path.name, *where)


def find_elfs(images: Iterable[Path]) -> tuple[Elf, ...]:
    """Return the ELF files of the builds that contain a board's images.

    The parent of each image's directory is searched, too: builds for Linux and for cards lie in folders inside the
    firmware build that they start with.
    """
    folders = dict.fromkeys(folder for image in images for folder in (image.parent, image.parent.parent))
    return tuple(elf for folder in folders for elf in _built_elfs(folder))


def find(addresses: Mapping[str, int], elfs: Sequence[Elf]) -> tuple[Place, ...]:
    """Return the locations of addresses, in their order, without those that are in no file."""
    found: dict[str, Place] = {}
    for elf in elfs:
        missing = {register: address for register, address in addresses.items() if register not in found}
        if missing and elf.intact:
            found |= {place.register: place for place in elf.places(missing)}
    return tuple(found[register] for register in addresses if register in found)


def _built_elfs(folder: Path) -> Iterator[Elf]:
    # A crash is explained as far as it can be: a damaged manifest is reported by flashing.
    with suppress(OSError, UsageError):
        for name, built in Manifest.from_file(folder / MANIFEST).files.items():
            if name.endswith(SUFFIX):
                yield Elf(folder / name, built.sha256)


def _shown(file: str) -> str:
    """Return the path of a source file in the repository, or in TF-A's source tree."""
    if _SERVICE in file:
        return "firmware/service/" + file.rpartition(_SERVICE)[2]
    if _TRUSTED_FIRMWARE in file:
        return file.rpartition(_TRUSTED_FIRMWARE)[2]
    inner = file.rpartition("/./")[2].rpartition("firmware/")[2]
    return posixpath.normpath(f"firmware/{inner}") if not inner.startswith("/") else file
