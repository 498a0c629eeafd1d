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
from hil.build.linux import IMAGES, HostImages
from hil.build.lock import read_lock
from hil.build.machine import Machine
from hil.build.progress import Progress, Terminal
from hil.build.sources import SourceCache
from hil.build.steps import Step, Workshop, digest, lay, version
from hil.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hil.build.lock import Lock, Pin

CHECKOUT = Path(__file__).resolve().parents[2]
COMPILER_PREFIX = "aarch64-linux-gnu-"
ERASED = b"\xff"
ARTIFACTS = ("flash.bin", "bl31.elf", "engine.elf", "engine.bin", "monitor.elf", "guest.elf")


@dataclass(frozen=True, slots=True)
class Platform:
    """What differs between platforms. `fip_offset` is where BL1 looks for the FIP, in bytes from the flash's start."""

    name: str
    tfa_name: str
    fip_offset: int


PLATFORMS = {
    platform.name: platform
    for platform in (
        # PLAT_QEMU_FIP_BASE of TF-A's plat/qemu/qemu/include/platform_def.h.
        Platform("qemu-virt", "qemu_virt", 0x40000),
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


def build_linux(
    platform: str = "qemu-virt", *, progress: Progress | None = None, checkout: Path = CHECKOUT
) -> Firmware:
    """Build the firmware of a platform, and the images of a Linux host that runs above it.

    Returns the host's images. Raises what `build` raises, and `BoardFileError` when the platform's board with Linux is
    not described as the images need it.
    """
    recipe = Recipe(_platform(platform), checkout, progress or Terminal())
    with exclusive(recipe.directory, f"building Linux for {platform}"):
        recipe.run()
        return recipe.run_linux()


def load(platform: str = "qemu-virt", *, checkout: Path = CHECKOUT) -> Firmware:
    """Return the firmware that was built last. Raises `UsageError` when there is none."""
    return Firmware.read(build_directory(_platform(platform).name, checkout))


def build_directory(platform: str, checkout: Path = CHECKOUT) -> Path:
    """Return the directory that holds the files of a platform's firmware."""
    return checkout / "build" / platform


def linux_directory(platform: str, checkout: Path = CHECKOUT) -> Path:
    """Return the directory that holds the images of a platform's Linux host."""
    return build_directory(platform, checkout) / "linux"


class Recipe:
    """The steps for one platform, in order."""

    def __init__(self, platform: Platform, checkout: Path, progress: Progress) -> None:
        self.directory = build_directory(platform.name, checkout)
        self._platform = platform
        self._checkout = checkout
        self._sources = checkout / "firmware"
        self._progress = progress
        self._workshop = Workshop(self.directory, progress)
        self._compiler = version(f"{COMPILER_PREFIX}gcc")

    def run(self) -> Firmware:
        """Run what is out of date, and describe the result."""
        lock = read_lock(self._sources / "sources.lock")
        unpacked = SourceCache().unpacked(lock.pins, self._progress)
        self._engine(unpacked, lock)
        self._monitor()
        self._trusted_firmware(unpacked["arm-trusted-firmware"], lock["arm-trusted-firmware"])
        return self._described(self.directory, ARTIFACTS, lock)

    def run_linux(self) -> Firmware:
        """Run what is out of date of the Linux host's images, once the firmware is there, and describe the result."""
        lock = read_lock(self._sources / "linux" / "sources.lock")
        unpacked = SourceCache().unpacked(lock.pins, self._progress)
        machine = Machine.of(self._checkout / "boards" / f"{self._platform.name}-linux.yaml")
        directory = linux_directory(self._platform.name, self._checkout)
        workshop = Workshop(directory, self._progress)
        self._linux_flash(workshop, machine)
        HostImages(workshop, self._sources / "linux" / "host", lock, unpacked).make(machine)
        return self._described(directory, IMAGES, lock)

    def _described(self, directory: Path, names: Sequence[str], lock: Lock) -> Firmware:
        firmware = Firmware(
            platform=self._platform.name,
            artifacts={name: Artifact.of(directory / name) for name in names},
            inputs={pin.package: pin.version for pin in lock.pins},
            tools={f"{COMPILER_PREFIX}gcc": self._compiler},
            git=_git_state(self._checkout),
        )
        firmware.write_manifest(directory)
        return firmware

    def _engine(self, unpacked: Mapping[str, Path], lock: Lock) -> None:
        """Link the TPM engine: libtpms, libcrypto and our libc, as one image of its own."""
        source = self._sources / "engine"
        out = self.directory / "engine"
        packages = {
            "LIBTPMS_DIR": unpacked["libtpms-dev"],
            "PICOLIBC_DIR": unpacked["picolibc-aarch64-linux-gnu"],
            "OPENSSL_DIR": self._libcrypto(unpacked, lock),
        }

        def work(step: Step) -> None:
            shutil.rmtree(out, ignore_errors=True)
            self._make(step, source, "engine", OUT=out, **packages)
            for name in ("engine.elf", "engine.bin"):
                shutil.copy(out / name, self.directory / name)

        self._workshop.step(
            "engine",
            "Linking the TPM engine",
            [self._compiler, *map(str, packages.values()), source, self._sources / "service" / "include"],
            ["engine.elf", "engine.bin"],
            work,
        )

    def _libcrypto(self, unpacked: Mapping[str, Path], lock: Lock) -> Path:
        """Return the directory of OpenSSL's libcrypto.a, freestanding; it takes minutes, so all checkouts share it."""
        source = self._sources / "engine"
        packages = {
            "OPENSSL_SRC": unpacked["openssl"],
            "PICOLIBC_DIR": unpacked["picolibc-aarch64-linux-gnu"],
        }
        pins = [lock[package].key for package in ("openssl", "picolibc-aarch64-linux-gnu")]
        key = digest([self._compiler, *pins, source / "openssl", source / "Makefile"])
        target = cache_root() / "built" / f"libcrypto-{key[:16]}"

        def work(step: Step) -> None:
            with exclusive(target.parent, step.title):
                if target.is_dir():
                    return
                scratch = target.parent / "partial"
                shutil.rmtree(scratch, ignore_errors=True)
                self._make(step, source, "openssl", OUT=scratch, **packages)
                kept = scratch / "kept"
                kept.mkdir()
                (scratch / "openssl" / "libcrypto.a").rename(kept / "libcrypto.a")
                kept.rename(target)
                shutil.rmtree(scratch)

        self._workshop.once("openssl", "Building OpenSSL's libcrypto for EL3 (minutes, once)", target, work)
        return target

    def _monitor(self) -> None:
        """Build the EL2 monitor with the EL1 guest agent inside."""
        out = self.directory / "monitor"

        def work(step: Step) -> None:
            shutil.rmtree(out, ignore_errors=True)
            self._make(step, self._sources / "monitor", "all", OUT=out)
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
        overlays = {
            self._sources / source: target
            for source, target in (
                ("service", "services/spd/vtpm"),
                ("engine/include", "services/spd/vtpm/include"),
                (f"platform/{platform.name}/tfa", f"plat/hil/{platform.tfa_name}"),
                (f"platform/{platform.name}/vtpm_platform.h", f"plat/hil/{platform.tfa_name}/include/vtpm_platform.h"),
            )
        }
        images = {"BL32": self.directory / "engine.bin", "BL33": self.directory / "monitor.bin"}
        settings = _settings(platform, pin)
        tree = self.directory / "tfa"
        made = tree / "build" / platform.tfa_name / "release"

        def work(step: Step) -> None:
            shutil.rmtree(tree, ignore_errors=True)
            lay(unpacked, tree)
            for source, target in overlays.items():
                lay(source, tree / target)
            self._make(step, tree, "bl1", "bl2", "bl31", "fip", **settings, **images)
            shutil.copy(made / "bl31" / "bl31.elf", self.directory / "bl31.elf")
            _write_flash(self.directory / "flash.bin", made, platform.fip_offset)

        texts = [f"{name}={value}" for name, value in settings.items()]
        self._workshop.step(
            "trusted-firmware",
            "Building Trusted Firmware-A with the vTPM service",
            [self._compiler, pin.key, *texts, *images.values(), *overlays],
            ["flash.bin", "bl31.elf"],
            work,
        )

    def _linux_flash(self, workshop: Workshop, machine: Machine) -> None:
        """Make the flash image that starts a kernel: the firmware as it is, but for a BL2 that leads elsewhere."""
        platform = self._platform
        tree = self.directory / "tfa"
        first = tree / "build" / platform.tfa_name / "release"
        out = workshop.directory / "tfa"
        settings = {
            **_settings(platform, read_lock(self._sources / "sources.lock")["arm-trusted-firmware"]),
            "ARM_LINUX_KERNEL_AS_BL33": "1",
            "PRELOADED_BL33_BASE": hex(machine.kernel_address),
        }

        def work(step: Step) -> None:
            shutil.rmtree(out, ignore_errors=True)
            images = {"BL31": first / "bl31.bin", "BL32": self.directory / "engine.bin"}
            self._make(step, tree, "bl2", "fip", BUILD_BASE=out, **settings, **images)
            made = out / platform.tfa_name / "release"
            shutil.copy(first / "bl1.bin", made)
            _write_flash(workshop.directory / "flash.bin", made, platform.fip_offset)

        texts = [f"{name}={value}" for name, value in settings.items()]
        workshop.step(
            "trusted-firmware",
            "Building the Trusted Firmware-A that starts Linux",
            [self._compiler, *texts, self.directory / "flash.bin"],
            ["flash.bin"],
            work,
        )

    @staticmethod
    def _make(step: Step, directory: Path, *targets: str, **variables: str | Path) -> None:
        jobs = len(os.sched_getaffinity(0))
        settings = [f"{name}={value}" for name, value in {"CROSS_COMPILE": COMPILER_PREFIX, **variables}.items()]
        step.run("make", "--no-print-directory", f"-j{jobs}", "-C", directory, *settings, *targets)


def _settings(platform: Platform, pin: Pin) -> dict[str, str]:
    return {
        "PLAT": platform.tfa_name,
        "SPD": "vtpm",
        "BUILD_STRING": pin.version,
        "BUILD_MESSAGE_TIMESTAMP": '"reproducible"',
    }


def _write_flash(flash: Path, made: Path, fip_offset: int) -> None:
    """Put BL1 at the start of the flash and the FIP where BL1 looks for it."""
    bl1 = (made / "bl1.bin").read_bytes()
    if len(bl1) > fip_offset:
        raise BuildFailed(f"bl1.bin has {len(bl1)} bytes and reaches into the FIP", doing=f"making {flash}")
    flash.write_bytes(bl1.ljust(fip_offset, ERASED) + (made / "fip.bin").read_bytes())


def _platform(name: str) -> Platform:
    if name not in PLATFORMS:
        raise UsageError(f"there is no platform {name!r}; there is {', '.join(PLATFORMS)}")
    return PLATFORMS[name]


def _git_state(checkout: Path) -> GitState:
    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", "-C", checkout, *arguments], capture_output=True, text=True, timeout=60, check=False
        )
        return done.stdout.strip()

    return GitState(git("rev-parse", "HEAD"), bool(git("status", "--porcelain")))
