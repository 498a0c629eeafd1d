"""Reads gcc's notes about an instrumented object (.gcno), and makes the data file that gcov needs (.gcda).

Both formats are those of gcc 12, gcc/gcov-io.h: 32-bit little-endian words, strings preceded by their length in bytes,
and records of a tag, a length in bytes, and content.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from hil.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COUNTER_BYTES = 8

_NOTES = 0x67636E6F
_DATA = 0x67636461
_FUNCTION = 0x01000000
_ARCS = 0x01430000
_COUNTERS = 0x01A10000
_ON_TREE = 1
"""Flag of an arc without a counter, because its count follows from those of other arcs."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function of an object. Its data must repeat `identity`; `counters` is the number of its counters."""

    name: str
    identity: tuple[int, int, int]
    counters: int


@dataclass(frozen=True, slots=True)
class Notes:
    """A .gcno file: its path, its functions, and `unit`: version, stamp and checksum, which the data must repeat."""

    path: Path
    unit: tuple[int, int, int]
    functions: tuple[Function, ...]

    @classmethod
    def read(cls, path: Path) -> Notes:
        """Read a file. Raises `UsageError` if it is not one of gcc 12."""
        try:
            content = path.read_bytes()
            magic, version, stamp, checksum = struct.unpack_from("<4I", content)
            if magic != _NOTES:
                raise ValueError(f"it begins with {magic:#x}")
            _, after_directory = _string(content, 16)
            functions = tuple(_functions(content, after_directory + 4))
        except (OSError, ValueError, struct.error) as error:
            raise UsageError(f"{path} has no notes of gcc 12: {error}", hint="make clean") from error
        return cls(path, (version, stamp, checksum), functions)

    def data(self, counts: Iterator[int]) -> bytes:
        """Return the content of a .gcda file. Takes one of `counts` for each counter of this object."""
        records = [struct.pack("<4I", _DATA, *self.unit)]
        for function in self.functions:
            number = function.counters
            records.append(struct.pack("<5I", _FUNCTION, 12, *function.identity))
            records.append(struct.pack(f"<2I{number}Q", _COUNTERS, COUNTER_BYTES * number, *islice(counts, number)))
        return b"".join(records) + bytes(4)


def _functions(content: bytes, start: int) -> Iterator[Function]:
    """Find the functions, each followed by its graph."""
    name, identity, counters = "", (0, 0, 0), 0
    at = start
    while at < len(content):
        tag, length = struct.unpack_from("<2I", content, at)
        record = content[at + 8 : at + 8 + length]
        if tag == _FUNCTION:
            if name:
                yield Function(name, identity, counters)
            identity, counters = struct.unpack_from("<3I", record), 0
            name, _ = _string(record, 12)
        elif tag == _ARCS:  # a block, then destination and flags of each arc from it
            flags = struct.unpack(f"<{length // 4}I", record)[2::2]
            counters += sum(not flag & _ON_TREE for flag in flags)
        at += 8 + length
    if name:
        yield Function(name, identity, counters)


def _string(content: bytes, at: int) -> tuple[str, int]:
    """Return a string, and the offset of its end."""
    (length,) = struct.unpack_from("<I", content, at)
    return content[at + 4 : at + 4 + length].rstrip(b"\0").decode(), at + 4 + length
