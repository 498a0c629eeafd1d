"""How a firmware is made: third-party sources, engine, monitor, Trusted Firmware-A, image."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hil.build.cache import cache_root, exclusive
from hil.build.errors import BuildFailed
from hil.build.firmware import Artifact, Firmware, GitState
from hil.build.lock import read_lock
from hil.build.progress import Progress, Terminal
from hil.build.sources import SourceCache
from hil.build.steps import Step, Workshop, digest, lay
from hil.errors import MissingTool, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.build.lock import Lock, Pin

CHECKOUT = Path(__file__).resolve().parents[2]
COMPILER_PREFIX = "aarch64-linux-gnu-"
ARTIFACTS = ("flash.bin", "bl31.elf", "engine.elf", "engine.bin", "monitor.elf", "guest.elf")


@dataclass(frozen=True, slots=True)
class Platform:
    """What differs between platforms. `fip_offset` is where BL1 looks for the FIP, in bytes from the flash's start."""

    name: str
    tfa_name: str
    tfa_options: tuple[str, ...]
    fip_offset: int


PLATFORMS = {
    platform.name: platform
    for platform in (
        # PLAT_QEMU_FIP_BASE of TF-A's plat/qemu/qemu/include/platform_def.h.
        Platform("qemu-virt", "qemu_virt_vtpm", (), 0x40000),
    )
}


def build(platform: str = "qemu-virt", *, progress: Progress | None = None, checkout: Path = CHECKOUT) -> Firmware:
    """Build the firmware of a platform; what is up to date is left as it is.

    Raises `BuildFailed` with the end of the step's log, `PinGone`, `CorruptDownload` or `ArchiveError` when a source
    cannot be had, `UsageError` for a platform that does not exist.
    """
    recipe = Recipe(_platform(platform), checkout, progress or Terminal())
    with exclusive(recipe.directory, f"building the {platform} firmware"):
        return recipe.run()


def load(platform: str = "qemu-virt", *, checkout: Path = CHECKOUT) -> Firmware:
    """Return the firmware that was built last. Raises `UsageError` when there is none."""
    return Firmware.read(build_directory(_platform(platform).name, checkout))


def build_directory(platform: str, checkout: Path = CHECKOUT) -> Path:
    """Return the directory that holds the files of a platform's firmware."""
    return checkout / "build" / platform


class Recipe:
    """The steps for one platform, in order."""

    def __init__(self, platform: Platform, checkout: Path, progress: Progress) -> None:
        self.directory = build_directory(platform.name, checkout)
        self._platform = platform
        self._checkout = checkout
        self._sources = checkout / "firmware"
        self._progress = progress
        self._workshop = Workshop(self.directory, progress)
        self._compiler = _version(f"{COMPILER_PREFIX}gcc")

    def run(self) -> Firmware:
        """Run what is out of date, and describe the result."""
        lock = read_lock(self._sources / "sources.lock")
        unpacked = SourceCache().unpacked(lock.pins, self._progress)
        self._engine(unpacked, lock)
        self._monitor()
        self._trusted_firmware(unpacked["arm-trusted-firmware"], lock["arm-trusted-firmware"])
        firmware = Firmware(
            platform=self._platform.name,
            artifacts={name: Artifact.of(self.directory / name) for name in ARTIFACTS},
            inputs={pin.package: pin.version for pin in lock.pins},
            tools={f"{COMPILER_PREFIX}gcc": self._compiler},
            git=_git_state(self._checkout),
        )
        firmware.write_manifest(self.directory)
        return firmware

    def _engine(self, unpacked: Mapping[str, Path], lock: Lock) -> None:
        """Link the TPM engine: libtpms, libcrypto and our libc, as one image of its own."""
        source = self._sources / "engine"
        variables = (
            f"CROSS_COMPILE={COMPILER_PREFIX}",
            f"OPENSSL_SRC={unpacked['openssl']}",
            f"LIBTPMS_DIR={unpacked['libtpms-dev']}",
            f"PICOLIBC_DIR={unpacked['picolibc-aarch64-linux-gnu']}",
        )
        raise NotImplementedError

    def _monitor(self) -> None:
        """Build the EL2 monitor with the EL1 guest agent inside."""
        out = self.directory / "monitor"

        def work(step: Step) -> None:
            shutil.rmtree(out, ignore_errors=True)
            self._make(step, self._sources / "monitor", f"CROSS_COMPILE={COMPILER_PREFIX}", f"OUT={out}")
            for name in ("monitor.elf", "monitor.bin", "guest.elf"):
                shutil.copy(out / name, self.directory / name)

        trees = [self._sources / name for name in ("monitor", "guest", "baremetal", "service/include")]
        self._workshop.step(
            "monitor",
            "Building the monitor and the guest agent",
            [self._compiler, *trees],
            ["monitor.elf", "monitor.bin", "guest.elf"],
            work,
        )

    def _trusted_firmware(self, unpacked: Path, pin: Pin) -> None:
        """Build Trusted Firmware-A with the service laid over it, and the flash image that carries everything."""
        platform = self._platform
        overlay = self._sources / "platform" / platform.name
        images = [self.directory / name for name in ("engine.bin", "monitor.bin")]
        tree = self.directory / "tfa"
        options = (
            f"PLAT={platform.tfa_name}",
            "SPD=vtpm",
            f"CROSS_COMPILE={COMPILER_PREFIX}",
            f"BL32={images[0]}",
            f"BL33={images[1]}",
            f"BUILD_STRING={pin.version}",
            'BUILD_MESSAGE_TIMESTAMP="reproducible"',
            *platform.tfa_options,
        )

        def work(step: Step) -> None:
            shutil.rmtree(tree, ignore_errors=True)
            lay(unpacked, tree)
            lay(self._sources / "service", tree / "services" / "spd" / "vtpm")
            lay(overlay, tree / "plat" / "vtpm" / platform.tfa_name)
            self._make(step, tree, *options, "bl1", "bl2", "bl31", "fip")
            made = tree / "build" / platform.tfa_name / "release"
            shutil.copy(made / "bl31" / "bl31.elf", self.directory / "bl31.elf")
            bl1 = (made / "bl1.bin").read_bytes()
            if len(bl1) > platform.fip_offset:
                raise BuildFailed(f"bl1.bin has {len(bl1)} bytes and reaches into the FIP", doing="making flash.bin")
            image = bl1.ljust(platform.fip_offset, b"\xff") + (made / "fip.bin").read_bytes()
            (self.directory / "flash.bin").write_bytes(image)

        self._workshop.step(
            "trusted-firmware",
            "Building Trusted Firmware-A with the vTPM service",
            [self._compiler, pin.key, *options, *images, self._sources / "service", overlay],
            ["flash.bin", "bl31.elf"],
            work,
        )

    @staticmethod
    def _make(step: Step, directory: Path, *arguments: str) -> None:
        jobs = len(os.sched_getaffinity(0))
        step.run("make", "--no-print-directory", f"-j{jobs}", "-C", directory, *arguments)


def _platform(name: str) -> Platform:
    if name not in PLATFORMS:
        raise UsageError(f"there is no platform {name!r}; there is {', '.join(PLATFORMS)}")
    return PLATFORMS[name]


def _version(program: str) -> str:
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=30, check=True)
    except (FileNotFoundError, subprocess.SubprocessError):
        raise MissingTool(
            f"{program} is not on this machine", doing="building the firmware", hint="hil doctor --fix"
        ) from None
    return done.stdout.splitlines()[0]


def _git_state(checkout: Path) -> GitState:
    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", "-C", checkout, *arguments], capture_output=True, text=True, timeout=60, check=False
        )
        return done.stdout.strip()

    return GitState(git("rev-parse", "HEAD"), bool(git("status", "--porcelain")))
