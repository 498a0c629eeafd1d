"""Where in the code an address is, by the ELF files of a build."""

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

# What the compilers of the parts of our firmware write in place of `firmware/`.
_SERVICE = "/services/spd/vtpm/"
_TRUSTED_FIRMWARE = "/tfa/"


@dataclass(frozen=True, slots=True)
class Elf:
    """An ELF file of a build, and the SHA-256 that the build's manifest gives it."""

    path: Path
    sha256: str

    @property
    def name(self) -> str:
        """What it explains: `bl31`, `engine`, `monitor` or `guest`."""
        return self.path.stem

    @property
    def intact(self) -> bool:
        """Whether it is still the one of that build."""
        try:
            return file_sha256(self.path) == self.sha256
        except OSError:
            return False

    def places(self, addresses: Mapping[str, int]) -> Iterator[Place]:
        """Yield the place of each address, by the name of the register that held it, that is in this file's code."""
        command = [ADDR2LINE, "-fC", "-e", str(self.path), *(f"{address:#x}" for address in addresses.values())]
        lines = (ask_tool(command, seconds=_SECONDS) or "").splitlines()
        for (register, address), function, at in zip(addresses.items(), lines[::2], lines[1::2], strict=False):
            if function != _NOWHERE:
                file, _, line = at.partition(" ")[0].rpartition(":")
                known = not file.startswith(_NOWHERE) and line.isdigit()
                where = (_shown(file), int(line)) if known else ("", 0)
                yield Place(register, f"{address:#x}", function, self.path.name, *where)


def of_images(images: Iterable[Path]) -> tuple[Elf, ...]:
    """Return the ELF files of the builds that a board's images lie in, or right around them.

    Builds for Linux and cards are in folders inside those of the firmware that they start with.
    """
    folders = dict.fromkeys(folder for image in images for folder in (image.parent, image.parent.parent))
    return tuple(elf for folder in folders for elf in _of_build(folder))


def find(addresses: Mapping[str, int], elfs: Sequence[Elf]) -> tuple[Place, ...]:
    """Return the places of addresses in their order; those that no file explains are left out."""
    found: dict[str, Place] = {}
    for elf in elfs:
        missing = {register: address for register, address in addresses.items() if register not in found}
        if missing and elf.intact:
            found |= {place.register: place for place in elf.places(missing)}
    return tuple(found[register] for register in addresses if register in found)


def _of_build(folder: Path) -> Iterator[Elf]:
    # A crash is explained as far as it can be: a build that makes no sense is told by what flashes it.
    with suppress(OSError, UsageError):
        for name, built in Manifest.from_file(folder / MANIFEST).files.items():
            if name.endswith(SUFFIX):
                yield Elf(folder / name, built.sha256)


def _shown(file: str) -> str:
    """Return a source file as it lies in the repository, or in TF-A's source."""
    if _SERVICE in file:
        return "firmware/service/" + file.rpartition(_SERVICE)[2]
    if _TRUSTED_FIRMWARE in file:
        return file.rpartition(_TRUSTED_FIRMWARE)[2]
    inner = file.rpartition("/./")[2].rpartition("firmware/")[2]
    return posixpath.normpath(f"firmware/{inner}") if not inner.startswith("/") else file
