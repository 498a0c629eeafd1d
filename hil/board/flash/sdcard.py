"""Makes images of SD cards with one FAT32 partition, by mtools, without root; equal files give equal images."""

from __future__ import annotations

import os
import struct
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from hil.errors import ToolFailed, UsageError
from hil.tools import run_tool

if TYPE_CHECKING:
    from collections.abc import Mapping

SECTOR = 512
PARTITION_OFFSET = 1 << 20
CARD_BYTES = 64 << 20
SERIAL = "68696c01"
LABEL = "BOOT"
EPOCH = "315532800"
"""1980-01-01, the first date that FAT can represent: the date of every file."""

_FAT32_LBA = 0x0C
_SIGNATURE = 0x6869_6C01
MTOOLS_SECONDS = 60.0
MTOOLS_SETTINGS = {"SOURCE_DATE_EPOCH": EPOCH, "TZ": "UTC", "MTOOLSRC": os.devnull, "LC_ALL": "C.UTF-8"}
"""Variables of the environment with which mtools do the same everywhere."""


def write_card(path: Path, files: Mapping[str, Path], size: int = CARD_BYTES) -> None:
    """Make the image `path` of a card of `size` bytes atomically; keys of `files` are the paths on it.

    Raises `UsageError` if the files do not fit.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as directory:
        image = Path(directory) / "image"
        with image.open("wb") as card:
            card.write(_partition_table(size))
            card.truncate(size)
        partition = f"{image}@@{PARTITION_OFFSET}"
        sectors = (size - PARTITION_OFFSET) // SECTOR
        mtools(
            *("mformat", "-i", partition, "-F", "-c", "1", "-T", f"{sectors}", "-h", "255", "-s", "63"),
            *("-H", f"{PARTITION_OFFSET // SECTOR}", "-N", SERIAL, "-v", LABEL, "::"),
        )
        for folder in sorted({str(Path(place).parent) for place in files} - {"."}):
            mtools("mmd", "-i", partition, f"::{folder}")
        for place, file in sorted(files.items()):
            try:
                mtools("mcopy", "-i", partition, str(file), f"::{place}")
            except ToolFailed as error:
                why = f"{place} does not go on a card of {size} bytes: {error.said}"
                raise UsageError(why, hint="a larger `size` in the board file") from None
        image.replace(path)


def mtools(*command: str) -> bytes:
    """Run one of mtools and return its output. Raises `ToolFailed` and, without mtools, `MissingTool`."""
    return run_tool(command, seconds=MTOOLS_SECONDS, environment={**os.environ, **MTOOLS_SETTINGS}).data


def _partition_table(size: int) -> bytes:
    """Return a master boot record with one partition up to the end. Its CHS fields have the value for "use LBA"."""
    beyond = b"\xfe\xff\xff"
    first, sectors = PARTITION_OFFSET // SECTOR, (size - PARTITION_OFFSET) // SECTOR
    entry = struct.pack("<B3sB3sII", 0x80, beyond, _FAT32_LBA, beyond, first, sectors)
    return struct.pack("<440xI2x16s48x2s", _SIGNATURE, entry, b"\x55\xaa")
