"""An instrumented BL31: its counters, and their physical addresses."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from hil.coverage.notes import COUNTER_BYTES, Notes
from hil.errors import UsageError
from hil.firmware.trustedfirmware import NOTES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from hil.board.drivers.hostmemory import HostMemory

IMAGE = "bl31.elf"

_SYMBOL = "__gcov0."
"""Prefix of symbols with the arc counters (kind 0) of a function: gcc/coverage.cc, build_var. The symbols are local, so
functions of the same name are told apart by their file."""


@dataclass(frozen=True, slots=True)
class FunctionCounters:
    """The counters of a function. `address` is None if the linker has removed the function, which then never runs."""

    address: int | None
    counters: int

    @property
    def size(self) -> int:
        """The size of the counters in bytes."""
        return COUNTER_BYTES * self.counters


@dataclass(frozen=True, slots=True)
class InstrumentedImage:
    """A build: gcc's notes, the counters of each function in them, and address and content of the image's code."""

    directory: Path
    notes: tuple[Notes, ...]
    places: tuple[FunctionCounters, ...]
    code: tuple[int, bytes]

    @classmethod
    def behind(cls, images: Iterable[Path]) -> InstrumentedImage | None:
        """Return the image that a board with these files runs; None if it is not instrumented."""
        folders = {folder for image in images for folder in (image.parent, image.parent.parent)}
        found = next((folder for folder in sorted(folders) if (folder / NOTES).is_dir()), None)
        return cls.read(found) if found else None

    @classmethod
    def read(cls, directory: Path) -> InstrumentedImage:
        """Read a coverage build from `directory`. Raises `UsageError` if it is incomplete."""
        notes = tuple(Notes.read(path) for path in sorted((directory / NOTES).glob("*.gcno")))
        try:
            with (directory / IMAGE).open("rb") as file:
                elf = ELFFile(file)
                symbols = _symbols(elf)
                code = _code(elf)
        except (OSError, ELFError) as error:
            raise UsageError(f"cannot read {directory / IMAGE}: {error}", hint="make clean") from error
        functions = [(note.path.stem, function) for note in notes for function in note.functions]
        places = {(object, function.name): FunctionCounters(None, function.counters) for object, function in functions}
        for key, (address, size) in symbols.items():
            if key not in places or places[key].size != size:
                raise UsageError(
                    f"{directory / IMAGE} is not of the same build as its notes: {': '.join(key)}", hint="make clean"
                )
            places[key] = replace(places[key], address=address)
        return cls(directory, notes, tuple(places.values()), code)

    def is_in(self, memory: HostMemory) -> bool:
        """Whether this image's code is in the memory of a machine."""
        address, code = self.code
        return memory.read(address, len(code)) == code

    def read_counters(self, memory: HostMemory) -> list[int]:
        """Return the current counters of a machine, in the order of the notes and their functions."""
        there = [(place.address, place.size) for place in self.places if place.address is not None]
        first = min(address for address, _ in there)
        content = memory.read(first, max(address + size for address, size in there) - first)
        counts: list[int] = []
        for place in self.places:
            if place.address is None:
                counts += [0] * place.counters
            else:
                counts += struct.unpack_from(f"<{place.counters}Q", content, place.address - first)
        return counts

    def clear_counters(self, memory: HostMemory) -> None:
        """Set all counters of a machine to zero."""
        for place in self.places:
            if place.address is not None:
                memory.write(place.address, bytes(place.size))


def _code(elf: ELFFile) -> tuple[int, bytes]:
    text = elf.get_section_by_name(".text")
    if text is None:
        raise ELFError("it has no section .text")
    return text["sh_addr"], text.data()


def _symbols(elf: ELFFile) -> dict[tuple[str, str], tuple[int, int]]:
    """Return address and size of each function's counters. A FILE symbol precedes the symbols of its object."""
    found: dict[tuple[str, str], tuple[int, int]] = {}
    object = ""
    table = elf.get_section_by_name(".symtab")
    if not isinstance(table, SymbolTableSection):
        raise ELFError("it has no symbols")
    for symbol in table.iter_symbols():
        if symbol["st_info"]["type"] == "STT_FILE":
            object = symbol.name.removesuffix(".c")
        elif symbol.name.startswith(_SYMBOL):
            found[object, symbol.name.removeprefix(_SYMBOL)] = symbol["st_value"], symbol["st_size"]
    return found
