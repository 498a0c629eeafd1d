"""The files that a board starts from, made of what Trusted Firmware-A, engine and monitor came to."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.build.errors import BuildFailed
from hil.build.platforms import Images

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hil.build.platforms import Platform

ERASED = b"\xff"
FIP_OFFSET = 0x40000
"""Where BL1 looks for the FIP in QEMU's flash: PLAT_QEMU_FIP_BASE of plat/qemu/qemu/include/platform_def.h."""


@dataclass(frozen=True, slots=True)
class Packing:
    """What TF-A shall make, the files that come of it, and how. `loaded` are files of other steps, taken as they are.

    `pack` gets the directory with TF-A's images, and the one that holds engine.bin and gets the files.
    """

    targets: tuple[str, ...]
    files: tuple[str, ...]
    pack: Callable[[Platform, Path, Path], None]
    loaded: tuple[str, ...] = ()


def write_pflash(made: Path, fip: Path, flash: Path) -> None:
    """Put BL1 at the start of the flash and the FIP where BL1 looks for it."""
    bl1 = (made / "bl1.bin").read_bytes()
    if len(bl1) > FIP_OFFSET:
        raise BuildFailed(f"bl1.bin has {len(bl1)} bytes and reaches into the FIP", doing=f"making {flash}")
    flash.write_bytes(bl1.ljust(FIP_OFFSET, ERASED) + fip.read_bytes())


def _pack_pflash(_platform: Platform, made: Path, directory: Path) -> None:
    write_pflash(made, made / "fip.bin", directory / "flash.bin")


def _pack_armstub(platform: Platform, made: Path, directory: Path) -> None:
    """The engine fills its room: an initramfs may follow it in memory, and begins where that room ends."""
    shutil.copy(made / "bl31.bin", directory / "armstub.bin")
    engine = (directory / "engine.bin").read_bytes()
    (directory / "engine.img").write_bytes(engine.ljust(platform.address("VTPM_ENGINE_MAX_BYTES"), b"\0"))


PACKINGS = {
    Images.PFLASH: Packing(("bl1", "bl2", "bl31", "fip"), ("flash.bin",), _pack_pflash),
    Images.ARMSTUB: Packing(("bl31",), ("armstub.bin", "engine.img"), _pack_armstub, loaded=("monitor.bin",)),
}
