"""An instrumented BL31: which counters it has, and where in physical memory they lie."""

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
"""gcc, gcc/coverage.cc, build_var: the counters of arcs (kind 0) of a function; static, so its file tells it apart."""


@dataclass(frozen=True, slots=True)
class CounterPlace:
    """Where the counters of one function lie. The linker left out what has no address: it never runs."""

    address: int | None
    counters: int

    @property
    def size(self) -> int:
        """In bytes."""
        return COUNTER_BYTES * self.counters


@dataclass(frozen=True, slots=True)
class InstrumentedImage:
    """One build: gcc's notes, a place for each function in them, and where the image's code lies and what it is."""

    directory: Path
    notes: tuple[Notes, ...]
    places: tuple[CounterPlace, ...]
    code: tuple[int, bytes]

    @classmethod
    def behind(cls, images: Iterable[Path]) -> InstrumentedImage | None:
        """Return the image that a board with these files runs; None when it does not count."""
        folders = {folder for image in images for folder in (image.parent, image.parent.parent)}
        found = next((folder for folder in sorted(folders) if (folder / NOTES).is_dir()), None)
        return cls.read(found) if found else None

    @classmethod
    def read(cls, directory: Path) -> InstrumentedImage:
        """Read what a coverage build left in `directory`. Raises `UsageError` when it is not whole."""
        notes = tuple(Notes.read(path) for path in sorted((directory / NOTES).glob("*.gcno")))
        try:
            with (directory / IMAGE).open("rb") as file:
                elf = ELFFile(file)
                symbols = _symbols(elf)
                code = _code(elf)
        except (OSError, ELFError) as error:
            raise UsageError(f"cannot read {directory / IMAGE}: {error}", hint="make clean") from error
        functions = [(note.path.stem, function) for note in notes for function in note.functions]
        places = {(object, function.name): CounterPlace(None, function.counters) for object, function in functions}
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
        """Return what the counters of a machine say now, in the order of the notes and their functions."""
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
    """Address and size of each function's counters; a FILE symbol stands in front of those of its object."""
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
