"""Trusted Firmware-A with the vTPM service in BL31, and the flash images that it starts from."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from hil.build.crossmake import make
from hil.build.errors import BuildFailed
from hil.build.steps import Step, Workshop, lay

if TYPE_CHECKING:
    from pathlib import Path

    from hil.build.lock import Pin
    from hil.build.platforms import Platform

ERASED = b"\xff"


class TrustedFirmware:
    """The steps for TF-A of one platform. `compiler` and `pin` say what it is made with and from."""

    def __init__(self, platform: Platform, pin: Pin, compiler: str, workshop: Workshop) -> None:
        self._platform = platform
        self._key = [compiler, pin.key]
        self._workshop = workshop
        self._tree = workshop.directory / "tfa"
        self._made = self._tree / "build" / platform.tfa_name / "release"
        self._engine = workshop.directory / "engine.bin"
        self._settings = {
            "PLAT": platform.tfa_name,
            "SPD": "vtpm",
            "BUILD_STRING": pin.version,
            "BUILD_MESSAGE_TIMESTAMP": '"reproducible"',
        }

    def build(self, unpacked: Path, sources: Path) -> None:
        """Build it with the service laid over it, and the flash image that carries everything.

        `unpacked` is TF-A's own source, `sources` is firmware/.
        """
        platform = self._platform
        overlays = {
            sources / source: target
            for source, target in (
                ("service", "services/spd/vtpm"),
                ("engine/include", "services/spd/vtpm/include"),
                (f"platform/{platform.name}/tfa", f"plat/hil/{platform.tfa_name}"),
                (f"platform/{platform.name}/vtpm_platform.h", f"plat/hil/{platform.tfa_name}/include/vtpm_platform.h"),
            )
        }
        directory = self._workshop.directory
        images = {"BL32": self._engine, "BL33": directory / "monitor.bin"}

        def work(step: Step) -> None:
            shutil.rmtree(self._tree, ignore_errors=True)
            lay(unpacked, self._tree)
            for source, target in overlays.items():
                lay(source, self._tree / target)
            make(step, self._tree, "bl1", "bl2", "bl31", "fip", **self._settings, **images)
            shutil.copy(self._made / "bl31" / "bl31.elf", directory / "bl31.elf")
            self._write_flash(directory / "flash.bin", self._made / "fip.bin")

        self._workshop.step(
            "trusted-firmware",
            "Building Trusted Firmware-A with the vTPM service",
            [*self._key, *_texts(self._settings), *images.values(), *overlays],
            ["flash.bin", "bl31.elf"],
            work,
        )

    def build_for_linux(self, workshop: Workshop, kernel_address: int) -> None:
        """Make `flash.bin` in another workshop: the firmware as `build` left it, but for a BL2 that starts a kernel.

        The kernel lies at `kernel_address` when the machine starts, and gets the device tree.
        """
        out = workshop.directory / "tfa"
        settings = {
            **self._settings,
            "ARM_LINUX_KERNEL_AS_BL33": "1",
            "PRELOADED_BL33_BASE": hex(kernel_address),
        }
        images = {"BL31": self._made / "bl31.bin", "BL32": self._engine}

        def work(step: Step) -> None:
            shutil.rmtree(out, ignore_errors=True)
            make(step, self._tree, "bl2", "fip", BUILD_BASE=out, **settings, **images)
            fip = out / self._platform.tfa_name / "release" / "fip.bin"
            self._write_flash(workshop.directory / "flash.bin", fip)

        workshop.step(
            "trusted-firmware",
            "Building the Trusted Firmware-A that starts Linux",
            [*self._key, *_texts(settings), self._workshop.directory / "flash.bin"],
            ["flash.bin"],
            work,
        )

    def _write_flash(self, flash: Path, fip: Path) -> None:
        """Put BL1 at the start of the flash and the FIP where BL1 looks for it."""
        bl1 = (self._made / "bl1.bin").read_bytes()
        if len(bl1) > self._platform.fip_offset:
            raise BuildFailed(f"bl1.bin has {len(bl1)} bytes and reaches into the FIP", doing=f"making {flash}")
        flash.write_bytes(bl1.ljust(self._platform.fip_offset, ERASED) + fip.read_bytes())


def _texts(settings: dict[str, str]) -> list[str]:
    return [f"{name}={value}" for name, value in settings.items()]
