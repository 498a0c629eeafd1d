"""The files that a board starts from, made of what Trusted Firmware-A, engine and monitor came to."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.firmware.errors import BuildFailed
from hil.firmware.platforms import Images

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hil.firmware.platforms import Platform

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


def _pack_bl1(_platform: Platform, made: Path, directory: Path) -> None:
    shutil.copy(made / "bl1.bin", directory / "bl1.bin")
    (directory / "fip.bin").unlink(missing_ok=True)  # one of an earlier build must not be taken for this one's


def _pack_fip(_platform: Platform, made: Path, directory: Path) -> None:
    for name in ("bl1.bin", "fip.bin"):
        shutil.copy(made / name, directory / name)


_PACKINGS = {
    Images.PFLASH: Packing(("bl1", "bl2", "bl31", "fip"), ("flash.bin",), _pack_pflash),
    Images.ARMSTUB: Packing(("bl31",), ("armstub.bin", "engine.img"), _pack_armstub, loaded=("monitor.bin",)),
    Images.FIP: Packing(("bl1", "bl31", "fip"), ("bl1.bin", "fip.bin"), _pack_fip),
}
_WITHOUT_SCP = Packing(("bl1", "bl2", "bl31", "dtbs"), ("bl1.bin",), _pack_bl1)
"""All that can be made without the lab's own part: enough to see that everything builds and fits."""


def packing_of(platform: Platform, scp: Path | None) -> Packing:
    """Return how a platform's files are made; `scp` is the lab's firmware for the FIP, if there is one."""
    return _WITHOUT_SCP if platform.images is Images.FIP and scp is None else _PACKINGS[platform.images]
