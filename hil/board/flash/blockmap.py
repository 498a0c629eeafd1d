"""The block map beside an image (`bmaptool`), which says which blocks of the image have content.

Format: the versions 1.3 to 2.0 of the XML of `bmaptool`. Each range has a checksum of its bytes in the image; the file
has one of itself, over its bytes with that checksum replaced by zeros.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from hil.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

SUFFIX = ".bmap"
_CHECKSUMS = ("sha1", "sha256")
_MOST_BYTES = 64 << 20
_OWN_CHECKSUM = re.compile(rb"(<BmapFile(?:Checksum|SHA1)>\s*)([0-9a-fA-F]+)")


@dataclass(frozen=True, slots=True)
class MappedRange:
    """Bytes of the image from `start` to before `end`, and their checksum; without one in old maps."""

    start: int
    end: int
    checksum: str = ""


@dataclass(frozen=True, slots=True)
class BlockMap:
    """The ranges of an image that have content, in order; all else has none, and may be anything on the medium."""

    path: Path
    size: int
    algorithm: str
    ranges: tuple[MappedRange, ...]
    _starts: tuple[int, ...] = field(repr=False, compare=False)

    @classmethod
    def beside(cls, image: Path) -> BlockMap | None:
        """Read the map of an image; that of `card.img.xz` may be called `card.img.bmap` as well, or `card.bmap`.

        Returns None if there is none. Raises `UsageError` if it is damaged.
        """
        names = [image.name]
        while (stem := names[-1].rpartition(".")[0]) and stem not in names:
            names.append(stem)
        for name in names[:3]:
            path = image.with_name(name + SUFFIX)
            if path.is_file():
                return cls.from_file(path)
        return None

    @classmethod
    def from_file(cls, path: Path) -> BlockMap:
        """Read a map. Raises `UsageError` if it is damaged."""
        try:
            text = path.read_bytes()
            if len(text) > _MOST_BYTES or b"<!DOCTYPE" in text or b"<!ENTITY" in text:
                raise ValueError("it is not a block map")
            root = ET.fromstring(text)
            algorithm = root.findtext("ChecksumType", "sha1").strip()
            if algorithm not in _CHECKSUMS:
                raise ValueError(f"its checksums are {algorithm}")
            _check_itself(text, algorithm)
            block, size = (int(root.findtext(name, "")) for name in ("BlockSize", "ImageSize"))
            ranges = tuple(_range(node, block, size) for node in root.iterfind("BlockMap/Range"))
        except (OSError, ValueError, ET.ParseError) as error:
            raise _useless(path, str(error)) from None
        if any(first.end > second.start for first, second in itertools.pairwise(ranges)):
            raise _useless(path, "its ranges overlap, or are not in order")
        return cls(path, size, algorithm, ranges, tuple(each.start for each in ranges))

    def covers(self, start: int, end: int) -> bool:
        """Return whether any byte from `start` to before `end` has content."""
        at = bisect_right(self._starts, end - 1)
        return at > 0 and self.ranges[at - 1].end > start


class BlockMapCheck:
    """Compares an image with its map while it is read from its first byte to its last."""

    def __init__(self, blocks: BlockMap) -> None:
        self._blocks = blocks
        self._ranges = list(reversed(blocks.ranges))
        self._digest = hashlib.new(blocks.algorithm, usedforsecurity=False)
        self._at = 0

    def update(self, data: bytes) -> None:
        """Take the next bytes of the image. Raises `UsageError` if they are not those of the map."""
        end = self._at + len(data)
        while self._ranges and self._ranges[-1].start < end:
            current = self._ranges[-1]
            self._digest.update(data[max(current.start - self._at, 0) : current.end - self._at])
            if current.end > end:
                break
            if current.checksum and self._digest.hexdigest() != current.checksum:
                raise _useless(self._blocks.path, f"the image differs in bytes {current.start} to {current.end - 1}")
            self._digest = hashlib.new(self._blocks.algorithm, usedforsecurity=False)
            self._ranges.pop()
        self._at = end

    def finish(self) -> None:
        """Compare the size, at the end of the image. Raises `UsageError`."""
        if self._at != self._blocks.size:
            raise _useless(self._blocks.path, f"it is for an image of {self._blocks.size} bytes, not {self._at}")


def _range(node: ET.Element, block: int, size: int) -> MappedRange:
    first, _, last = (node.text or "").strip().partition("-")
    start, end = int(first) * block, (int(last or first) + 1) * block
    if not 0 <= start < end or start >= size:
        raise ValueError(f"its range {first}-{last} is outside of the image")
    return MappedRange(start, min(end, size), node.get("chksum", node.get("sha1", "")).lower())


def _check_itself(text: bytes, algorithm: str) -> None:
    match = _OWN_CHECKSUM.search(text)
    if match is None:
        return
    zeroed = text[: match.start(2)] + b"0" * len(match[2]) + text[match.end(2) :]
    if hashlib.new(algorithm, zeroed, usedforsecurity=False).hexdigest() != match[2].decode().lower():
        raise ValueError("its own checksum is wrong")


def _useless(path: Path, why: str) -> UsageError:
    return UsageError(
        f"the block map {path} does not fit its image, or is damaged: {why}",
        doing="preparing an image for flashing",
        hint="make it again (bmaptool create), or remove it: the image is then written without it",
    )
