"""Builds the firmware of a platform: third-party sources, engine, monitor, Trusted Firmware-A, images."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from hil.buildid import LINUX, MONITOR, SERVICE
from hil.errors import UsageError
from hil.firmware.cache import exclusive
from hil.firmware.crossmake import COMPILER, make
from hil.firmware.firmware import Artifact, Firmware
from hil.firmware.linux import IMAGES, HostImages
from hil.firmware.lock import read_lock
from hil.firmware.monitor import build_monitor
from hil.firmware.packing import packing_of
from hil.firmware.platforms import platform_named
from hil.firmware.sources import SourceCache
from hil.firmware.steps import BuildDirectory, BuildStep, digest, version
from hil.firmware.trustedfirmware import TrustedFirmware
from hil.git import git_state
from hil.paths import CHECKOUT, builds, cache_root, unbuildable
from hil.progress import Progress, Terminal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from hil.firmware.lock import Lock
    from hil.firmware.machine import EmulatedMachine
    from hil.firmware.platforms import Platform

TRUSTED_FIRMWARE = "arm-trusted-firmware"
LINUX_FLASH = "flash.bin"
"""The image from which an emulated machine boots into Linux."""
ARTIFACTS = ("bl31.elf", "engine.elf", "engine.bin", "monitor.elf", "guest.elf")
"""The files of every platform, in addition to those that its boards start from."""


def build(
    platform: str = "qemu-virt",
    *,
    scp: Path | None = None,
    coverage: bool = False,
    progress: Progress | None = None,
    checkout: Path = CHECKOUT,
) -> Firmware:
    """Build the firmware of a platform. Steps whose inputs have not changed are skipped.

    `scp` is the SCP firmware that came with the board, for platforms whose FIP contains one. Raises `BuildFailed` with
    the end of the step's log; `PinGone`, `CorruptDownload` or `ArchiveError` when a source cannot be obtained; and
    `UsageError` for a platform that does not exist.
    """
    recipe = Recipe(platform_named(platform), checkout, progress or Terminal(), scp=scp, coverage=coverage)
    with exclusive(recipe.directory, f"building the {platform} firmware"):
        return recipe.run()


def build_linux(
    platform: str = "qemu-virt",
    machine: EmulatedMachine | None = None,
    *,
    scp: Path | None = None,
    coverage: bool = False,
    progress: Progress | None = None,
    checkout: Path = CHECKOUT,
) -> Firmware:
    """Build the firmware of a platform and the images of a Linux host that runs on it; return the host's images.

    `machine` is the emulated machine for which the images are made. A platform whose directory describes a Linux host
    does not need it. Raises the errors of `build`, and `UsageError` when the machine is missing.
    """
    recipe = Recipe(platform_named(platform), checkout, progress or Terminal(), scp=scp, coverage=coverage)
    with exclusive(recipe.directory, f"building Linux for {platform}"):
        recipe.run()
        return recipe.run_linux(machine)


def load(platform: str = "qemu-virt", *, checkout: Path = CHECKOUT) -> Firmware:
    """Return the firmware of the last build. Raises `UsageError` when the platform has not been built."""
    return Firmware.from_directory(build_directory(platform_named(platform).name, checkout))


def build_directory(platform: str, checkout: Path = CHECKOUT, *, coverage: bool = False) -> Path:
    """Return the directory that holds the files of a platform's firmware."""
    return builds(checkout, coverage=coverage) / platform


def linux_directory(platform: str, checkout: Path = CHECKOUT, *, coverage: bool = False) -> Path:
    """Return the directory that holds the images of a platform's Linux host."""
    return build_directory(platform, checkout, coverage=coverage) / "linux"


class Recipe:
    """The build steps for one platform, in order."""

    def __init__(
        self,
        platform: Platform,
        checkout: Path,
        progress: Progress,
        *,
        scp: Path | None = None,
        coverage: bool = False,
    ) -> None:
        for place, remedy in ((checkout, "move the checkout"), (cache_root(), "set HIL_CACHE to another directory")):
            _refuse(place.absolute(), remedy)
        self.directory = build_directory(platform.name, checkout, coverage=coverage)
        self._platform = platform
        self._checkout = checkout
        self._sources = checkout / "firmware"
        self._progress = progress
        self._scp = scp
        self._coverage = coverage
        self._build = BuildDirectory(self.directory, progress)
        self._compiler = version(COMPILER)
        self._build_ids: dict[str, str] = {}

    def run(self) -> Firmware:
        """Run the steps that are out of date; return the firmware and write its manifest."""
        lock = read_lock(self._sources / "sources.lock")
        unpacked = SourceCache().unpacked(lock.pins, self._progress)
        self._engine(unpacked, lock)
        self._build_ids[MONITOR] = build_monitor(self._build, self._platform.name, self._sources)
        packing = packing_of(self._platform, self._scp)
        trusted_firmware = self._trusted_firmware(lock, unpacked)
        trusted_firmware.build()
        self._build_ids[SERVICE] = trusted_firmware.build_id
        return self._described(self.directory, (*packing.images, *packing.loaded, *ARTIFACTS), lock)

    def run_linux(self, machine: EmulatedMachine | None) -> Firmware:
        """Run the steps for the Linux host that are out of date; return its images and write their manifest.

        `run` must have made the firmware before. Raises `UsageError` when the machine is missing.
        """
        own = self._platform.linux
        if own is None and machine is None:
            raise UsageError(
                f"no board says which machine the Linux images of {self._platform.name} are for",
                hint=f"a board file with `platform: {self._platform.name}` and `bootargs`",
            )
        lock = read_lock(self._sources / "linux" / "sources.lock")
        if own is not None:
            lock = lock.with_kernel(read_lock(self._platform.linux_lock))
        unpacked = SourceCache().unpacked(lock.pins, self._progress)
        directory = linux_directory(self._platform.name, self._checkout, coverage=self._coverage)
        build = BuildDirectory(directory, self._progress)
        source, agent = self._sources / "linux" / "host", self.directory / "guest.bin"
        if own is not None:
            host = HostImages(build, source, lock, unpacked, agent, own.modules)
            self._build_ids[LINUX] = host.make_for_hardware(own.devicetree)
            return self._described(directory, IMAGES, lock)
        assert machine is not None
        firmware = read_lock(self._sources / "sources.lock")
        sources = SourceCache().unpacked(firmware.pins, self._progress)
        self._trusted_firmware(firmware, sources).build_for_linux(build, LINUX_FLASH, machine.kernel_address)
        self._build_ids[LINUX] = HostImages(build, source, lock, unpacked, agent).make(machine)
        return self._described(directory, (LINUX_FLASH, *IMAGES), lock)

    def _described(self, directory: Path, names: Sequence[str], lock: Lock) -> Firmware:
        firmware = Firmware(
            platform=self._platform.name,
            artifacts={name: Artifact.from_file(directory / name) for name in names},
            inputs={pin.package: pin.version for pin in lock.pins},
            tools={COMPILER: self._compiler},
            git=git_state(self._checkout, untracked=True),
            build_ids=self._build_ids,
        )
        firmware.manifest().write(directory)
        return firmware

    def _trusted_firmware(self, lock: Lock, unpacked: Mapping[str, Path]) -> TrustedFirmware:
        return TrustedFirmware(
            self._platform,
            lock[TRUSTED_FIRMWARE],
            self._compiler,
            self._build,
            unpacked[TRUSTED_FIRMWARE],
            self._sources,
            scp=self._scp,
            coverage=self._coverage,
        )

    def _engine(self, unpacked: Mapping[str, Path], lock: Lock) -> None:
        """Link the TPM engine: libtpms, libcrypto and our libc in one image."""
        source = self._sources / "engine"
        out = self.directory / "engine"
        packages = {
            "LIBTPMS_DIR": unpacked["libtpms-dev"],
            "PICOLIBC_DIR": unpacked["picolibc-aarch64-linux-gnu"],
            "OPENSSL_DIR": self._libcrypto(unpacked, lock),
        }

        def work(step: BuildStep) -> None:
            shutil.rmtree(out, ignore_errors=True)
            make(step, source, "engine", OUT=out, PLATFORM=self._platform.name, **packages)
            for name in ("engine.elf", "engine.bin"):
                shutil.copy(out / name, self.directory / name)

        self._build.step(
            "engine",
            "Linking the TPM engine",
            [
                self._compiler,
                *map(str, packages.values()),
                source,
                self._sources / "service" / "include",
                self._platform.addresses,
            ],
            ["engine.elf", "engine.bin"],
            work,
            shared=True,
        )

    def _libcrypto(self, unpacked: Mapping[str, Path], lock: Lock) -> Path:
        """Return the directory of a freestanding libcrypto.a. Building it takes minutes, so all checkouts share it."""
        source = self._sources / "engine"
        packages = {
            "OPENSSL_SRC": unpacked["openssl"],
            "PICOLIBC_DIR": unpacked["picolibc-aarch64-linux-gnu"],
        }
        pins = [lock[package].key for package in ("openssl", "picolibc-aarch64-linux-gnu")]
        key = digest([self._compiler, *pins, source / "openssl", source / "Makefile"])
        target = cache_root() / "built" / f"libcrypto-{key[:16]}"

        def work(step: BuildStep) -> None:
            with exclusive(target.parent, step.title):
                if target.is_dir():
                    return
                scratch = target.parent / "partial"
                shutil.rmtree(scratch, ignore_errors=True)
                make(step, source, "openssl", OUT=scratch, **packages)
                kept = scratch / "kept"
                kept.mkdir()
                (scratch / "openssl" / "libcrypto.a").rename(kept / "libcrypto.a")
                kept.rename(target)  # in one step, so that a build that was killed leaves no half of a library
                shutil.rmtree(scratch)

        self._build.once("openssl", "Building OpenSSL's libcrypto for EL3 (minutes, once)", target, work)
        return target


def _refuse(place: Path, remedy: str) -> None:
    """Raise `UsageError` for a directory in which make cannot build."""
    if what := unbuildable(place):
        raise UsageError(f"make cannot build in {str(place)!r}, whose name has {what}", hint=f"{remedy}: none in it")
