"""The firmware that a Raspberry Pi 4's VideoCore runs before its processors do: Debian's package, pinned."""

from __future__ import annotations

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
