"""The firmware that a Raspberry Pi 4's VideoCore runs before its processors do: Debian's package, pinned."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import TYPE_CHECKING

from hil.errors import UsageError
from hil.firmware.errors import ArchiveError, PinGone
from hil.firmware.lock import read_lock
from hil.firmware.sources import SourceCache
from hil.headers import firmware_header

if TYPE_CHECKING:
    from pathlib import Path

    from hil.firmware.lock import Pin
    from hil.progress import Progress

PACKAGE = "raspi-firmware"

START, FIXUP = "start4.elf", "fixup4.dat"
FILES = (START, FIXUP)
"""Files that the second boot stage, in the board's EEPROM, loads into the VideoCore (`start_file`, `fixup_file`)."""

OLDEST = date(2020, 10, 15)
"""Versions from July 2020 until then hang before they start an armstub as large as BL31 (raspberrypi/firmware#1445)."""

_ELF = b"\x7fELF"
_BUILT = re.compile(rb"VC_BUILD_ID_TIME: ([A-Z][a-z]{2} [ \d]\d \d{4})\0")
_WAY_OUT = "a directory with both files of one version, or no `videocore` in the board file for Debian's"


def pin() -> Pin:
    """Return the pin of the package: platforms whose boards have a VideoCore pin the same.

    Raises `UsageError` when no platform of this checkout pins it.
    """
    for lock in sorted(firmware_header("platform").glob("*/sources.lock")):
        for found in read_lock(lock).pins:
            if found.package == PACKAGE:
                return found
    raise UsageError(
        f"no lock file of firmware/platform/ pins {PACKAGE}", hint="`videocore: DIRECTORY` in the board file"
    )


def videocore_firmware(progress: Progress, cache: SourceCache | None = None) -> Path:
    """Return the directory with start4.elf and fixup4.dat, after fetching the package if it is not in the cache.

    Raises `UsageError` when no archive has it: not every one offers `non-free-firmware`.
    """
    wanted = pin()
    try:
        unpacked = (cache or SourceCache()).unpacked([wanted], progress)
    except (ArchiveError, PinGone) as error:
        raise UsageError(
            f"the firmware of the Raspberry Pi's VideoCore cannot be had: {error.message}",
            hint=f"an archive with {wanted.component}, or `videocore: DIRECTORY` with start4.elf and fixup4.dat",
        ) from error
    return unpacked[PACKAGE] / "usr" / "lib" / PACKAGE


def check_videocore(directory: Path) -> date | None:
    """Check the VideoCore's firmware in a directory, and return the day on which it was built, None if it says none.

    Raises `UsageError` when a file is missing, is no firmware, or is too old to start BL31.
    """
    for name in FILES:
        path = directory / name
        if not path.is_file():
            why = f"there is no {name} in {directory}" if directory.is_dir() else f"there is no directory {directory}"
            raise UsageError(f"{why}: a Raspberry Pi 4 does not start without it", hint=f"`videocore`: {_WAY_OUT}")
        if not path.stat().st_size:
            raise UsageError(f"{path} is empty", hint=f"`videocore`: {_WAY_OUT}")
    content = (directory / START).read_bytes()
    if not content.startswith(_ELF):
        raise UsageError(
            f"{directory / START} is no firmware of a VideoCore: it begins with {content[:16]!r}",
            hint=f"`videocore`: {_WAY_OUT}",
        )
    built = build_date(content)
    if built is not None and built < OLDEST:
        raise UsageError(
            f"{directory / START} was built on {built}: before {OLDEST}, it does not start an armstub such as BL31",
            hint=f"`videocore`: {_WAY_OUT}",
        )
    return built


def build_date(start: bytes) -> date | None:
    """Return the day on which a start4.elf was built, which it names in its build identification."""
    found = _BUILT.search(start)
    return datetime.strptime(found[1].decode(), "%b %d %Y").date() if found else None
