"""Juno's engine has no sequence of instructions that its Cortex-A53 executes wrongly: errata 835769 and 843419."""

from __future__ import annotations

import itertools
import struct
from typing import TYPE_CHECKING

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from hil.firmware import build

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PAGE = 4096
ZERO_REGISTER = 31


def runs_of_code(image: Path) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Return address and instructions of each piece of code. The mapping symbols $x and $d tell it from data."""
    with image.open("rb") as file:
        elf = ELFFile(file)
        text, symbols = elf.get_section_by_name(".text"), elf.get_section_by_name(".symtab")
        assert text is not None
        assert isinstance(symbols, SymbolTableSection)
        start, code = text["sh_addr"], text.data()
        marks = {
            symbol["st_value"]: symbol.name[:2]
            for symbol in symbols.iter_symbols()
            if symbol.name[:2] in {"$x", "$d"} and symbol.name[2:3] in {"", "."}
        }
    places = [place for place in sorted(marks) if start <= place < start + len(code)]
    for place, end in zip(places, [*places[1:], start + len(code)], strict=True):
        if marks[place] == "$x":
            size = (end - place) // 4
            yield place, struct.unpack_from(f"<{size}I", code, place - start)


def accesses_memory(word: int) -> bool:
    """Whether it loads, stores or only fetches ahead. Arm DDI 0487, C4.1: top level of the encoding, op1 = x1x0."""
    return word & 0x0A00_0000 == 0x0800_0000


def is_pair(word: int) -> bool:
    return word & 0x3A00_0000 == 0x2800_0000


def multiplies_and_adds(word: int) -> bool:
    """Whether it is MADD or MSUB with 64 bits, or a widening one, that does add something."""
    return word & 0xFF00_0000 == 0x9B00_0000 and word >> 21 & 7 in {0, 1, 5} and word >> 10 & 31 != ZERO_REGISTER


def is_safe(access: int, multiplication: int) -> bool:
    """Whether a multiplication waits for what a load gives."""
    if access >> 26 & 1 or not access >> 22 & 1:
        return False
    loaded = {access & 31} | ({access >> 10 & 31} if is_pair(access) else set())
    return bool(loaded & {multiplication >> shift & 31 for shift in (5, 10, 16)})


def sequences_of_835769(image: Path) -> int:
    """Memory access, then at once a multiplication with 64 bits that adds: the sum may be wrong."""
    return sum(
        accesses_memory(first) and multiplies_and_adds(second) and not is_safe(first, second)
        for _, words in runs_of_code(image)
        for first, second in itertools.pairwise(words)
    )


def sequences_of_843419(image: Path) -> int:
    """ADRP at the end of a page, an access, and within two more an access relative to it: the address may be wrong."""
    found = 0
    for start, words in runs_of_code(image):
        for at, word in enumerate(words[:-3]):
            if (start + 4 * at) % PAGE < PAGE - 8 or word & 0x9F00_0000 != 0x9000_0000:
                continue
            second = words[at + 1]
            found += accesses_memory(second) and any(
                later & 0x3B00_0000 == 0x3900_0000 and later >> 5 & 31 == word & 31 for later in words[at + 2 : at + 4]
            )
    return found


@pytest.mark.parametrize("count", [sequences_of_835769, sequences_of_843419])
def test_juno_s_engine_has_no_sequence_that_cortex_a53_executes_wrongly(count: Callable[[Path], int]) -> None:
    assert count(build("juno").path("engine.elf")) == 0


def test_the_engine_has_such_sequences_where_no_processor_minds() -> None:
    """Otherwise the two tests above would prove nothing."""
    assert sequences_of_835769(build("qemu-virt").path("engine.elf")) > 100
