"""Builds Trusted Firmware-A with the vTPM service in BL31, and packs the images that a board starts from."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from hil.files import file_sha256
from hil.firmware.crossmake import make
from hil.firmware.packing import packing_of
from hil.firmware.steps import LAYOUT, BuildDirectory, BuildStep, build_id, digest, kept_tree, lay, names, write_changed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.firmware.lock import Pin
    from hil.firmware.platforms import Platform

BUILD_HEADER = "vtpm_build.h"
NOTES = "notes"
"""The directory for gcc's notes (.gcno) about the service, in a build for coverage."""


class TrustedFirmware:
    """The build steps for TF-A of one platform.

    `compiler` is the version of the compiler, `pin` the package of the sources; both are inputs of every step.
    `unpacked` is TF-A's own source, `sources` is firmware/, and `scp` is the SCP firmware for the FIP, if it takes one.
    With `coverage`, the service counts how often its branches are taken, and gcc's notes about them are kept.
    """

    def __init__(
        self,
        platform: Platform,
        pin: Pin,
        compiler: str,
        build: BuildDirectory,
        unpacked: Path,
        sources: Path,
        *,
        scp: Path | None = None,
        coverage: bool = False,
    ) -> None:
        self._platform = platform
        self._key = [compiler, pin.key]
        self._build = build
        self._tree = build.path / "tfa"
        self._made = self._tree / "build" / platform.declared.tfa / "release"
        self._engine = build.path / "engine.bin"
        self._settings = {
            "PLAT": platform.declared.tfa,
            "SPD": "vtpm",
            "BUILD_STRING": pin.version,
            "BUILD_MESSAGE_TIMESTAMP": '"reproducible"',
            **({"VTPM_COVERAGE": "1"} if coverage else {}),
        }
        self._coverage = coverage
        self._unpacked = unpacked
        self._packing = packing_of(platform, scp)
        self._place = f"plat/hil/{platform.declared.tfa}"
        self._overlays = {
            sources / "service": "services/spd/vtpm",
            sources / "engine" / "include": "services/spd/vtpm/include",
            platform.directory / "tfa": self._place,
            platform.addresses: f"{self._place}/include/{platform.addresses.name}",
        }
        self._images = {"BL32": self._engine, "BL33": build.path / "monitor.bin", **({"SCP_BL2": scp} if scp else {})}
        self._noted = [f"{path.stem}.gcno" for path in sorted((sources / "service").glob("*/*.c"))] if coverage else []

    @property
    def _inputs(self) -> list[Path | str]:
        """Everything that TF-A's images depend on."""
        return [*self._key, self._packing.key, *_texts(self._settings), *self._images.values(), *self._overlays]

    @property
    def build_id(self) -> str:
        """The build id that the service announces."""
        return build_id(self._inputs)

    def build(self) -> None:
        """Copy the service into TF-A's source, build TF-A, and pack the images that the board starts from."""
        directory = self._build.path
        notes = [f"{NOTES}/{name}" for name in self._noted]

        def work(step: BuildStep) -> None:
            self._make(step)
            shutil.copy(self._made / "bl31" / "bl31.elf", directory / "bl31.elf")
            for note in notes:
                (directory / note).parent.mkdir(exist_ok=True)
                shutil.copy(self._made / "bl31" / Path(note).name, directory / note)
            self._packing.pack(self._made, directory)

        self._build.step(
            "trusted-firmware",
            "Building Trusted Firmware-A with the vTPM service",
            self._inputs,
            [*self._packing.images, "bl31.elf", *notes],
            work,
            shared=not self._coverage,  # gcc's notes name directories
        )

    def _is_made(self) -> bool:
        """Whether the tree holds what is built from the present inputs."""
        header = self._tree / self._place / "include" / BUILD_HEADER
        return (self._tree / LAYOUT).is_file() and header.read_bytes() == self._announced()

    def _announced(self) -> bytes:
        return f'#define VTPM_BUILD_ID "{self.build_id}"\n'.encode()

    def _make(self, step: BuildStep) -> None:
        """Bring TF-A's source tree with the service up to date, and what is built from it."""
        layout = [*self._key, self._packing.key, *_texts(self._settings), *self._images, *_names(self._overlays)]
        with kept_tree(self._tree, digest(layout)) as kept:
            if not kept:
                lay(self._unpacked, self._tree)
            for source, target in self._overlays.items():
                lay(source, self._tree / target)
            made = self._tree / self._place / "include"
            write_changed(made / "vtpm_engine.h", self._known_engine().encode())
            write_changed(made / BUILD_HEADER, self._announced())
            make(step, self._tree, *self._packing.targets, **self._settings, **self._images)

    def build_for_linux(self, build: BuildDirectory, flash: str, kernel_address: int) -> None:
        """Make the image `flash` in the directory of `build`, as `build()` does, but with a BL2 that starts a kernel.

        The machine has the kernel at `kernel_address` when it starts. The kernel gets the device tree.
        """
        packing = packing_of(self._platform, None)
        out = build.path / "tfa"
        settings = {
            **self._settings,
            "ARM_LINUX_KERNEL_AS_BL33": "1",
            "PRELOADED_BL33_BASE": hex(kernel_address),
        }
        images = {"BL31": self._made / "bl31.bin", "BL32": self._engine}

        def work(step: BuildStep) -> None:
            if not self._is_made():  # its images have come from the cache
                self._make(step)
            with kept_tree(out, digest([*self._key, *_texts(settings), self._tree / LAYOUT])):
                make(step, self._tree, "bl2", "fip", BUILD_BASE=out, **settings, **images)
            fip = out / self._platform.declared.tfa / "release" / "fip.bin"
            packing.write(flash, self._made, self._build.path, build.path / flash, fip=fip)

        build.step(
            "trusted-firmware",
            "Building the Trusted Firmware-A that starts Linux",
            # The other build's image changes with all inputs of the firmware that the two share.
            [*self._key, packing.key, *_texts(settings), self._build.path / flash],
            [flash],
            work,
            shared=not self._coverage,
        )

    def _known_engine(self) -> str:
        """Return a header with size and hash of the engine, by which BL31 authenticates it if no earlier stage has."""
        digest = ", ".join(f"0x{byte:02x}" for byte in bytes.fromhex(file_sha256(self._engine)))
        return f"#define VTPM_ENGINE_BYTES {self._engine.stat().st_size}\n#define VTPM_ENGINE_SHA256 {{ {digest} }}\n"


def _names(overlays: Mapping[Path, str]) -> list[str]:
    return [f"{target}/{name}" for source, target in overlays.items() for name in names(source)]


def _texts(settings: dict[str, str]) -> list[str]:
    return [f"{name}={value}" for name, value in settings.items()]
