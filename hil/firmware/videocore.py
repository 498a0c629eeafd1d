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

    from hil.progress import Progress

PACKAGE = "raspi-firmware"
LOCK = "platform/rpi4/sources.lock"


def videocore_firmware(progress: Progress, cache: SourceCache | None = None) -> Path:
    """Return the directory with start4.elf and fixup4.dat, after fetching the package if it is not in the cache.

    Raises `UsageError` when no archive has it: not every one offers `non-free-firmware`.
    """
    pin = read_lock(firmware_header(LOCK))[PACKAGE]
    try:
        unpacked = (cache or SourceCache()).unpacked([pin], progress)
    except (ArchiveError, PinGone) as error:
        raise UsageError(
            f"the firmware of the Raspberry Pi's VideoCore cannot be had: {error.message}",
            hint=f"an archive with {pin.component}, or `videocore: DIRECTORY` with start4.elf and fixup4.dat",
        ) from error
    return unpacked[PACKAGE] / "usr" / "lib" / PACKAGE
