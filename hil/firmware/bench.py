"""Builds what only the bench needs: the baseline of our queue on a Linux host, and a guest with a stopwatch."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.firmware.cache import exclusive
from hil.firmware.contents import Contents
from hil.firmware.crossmake import COMPILER
from hil.firmware.lock import Lock, read_lock
from hil.firmware.recipe import linux_directory
from hil.firmware.sources import SourceCache
from hil.firmware.steps import BuildDirectory, BuildStep, version
from hil.paths import CHECKOUT
from hil.progress import Progress, Terminal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

STOPWATCH = "usr/bin/tpm-latency"
ENGINE_PACKAGE = "libtpms-dev"
BASELINES = ("qemu-system-arm", "swtpm", "libtpms0")


@dataclass(frozen=True, slots=True)
class BenchImages:
    """Files for the host, and the versions of what is compared, by package.

    `host` is a compressed archive to unpack there, with QEMU and swtpm; `guest` goes behind a guest's initramfs, and
    `initrd` is both of them.
    """

    host: Path
    guest: Path
    initrd: Path
    versions: Mapping[str, str]


def build_bench(
    platform: str = "qemu-virt", *, progress: Progress | None = None, checkout: Path = CHECKOUT
) -> BenchImages:
    """Fetch and make what the bench needs besides the images of `build_linux`, which must be there.

    Raises `BuildFailed`, and `PinGone`, `CorruptDownload` or `ArchiveError` when a package cannot be had.
    """
    progress = progress or Terminal()
    firmware = checkout / "firmware"
    source = firmware / "linux" / "bench"
    lock = Lock((*read_lock(firmware / "linux" / "sources.lock").pins, *read_lock(source / "sources.lock").pins))
    directory = linux_directory(platform, checkout) / "bench"
    unpacked = SourceCache().unpacked(lock.pins, progress)
    with exclusive(directory, "building what the bench needs"):
        images = _Images(BuildDirectory(directory, progress), source, lock, unpacked)
        guest = images.guest()
        return BenchImages(
            images.host(),
            guest,
            images.initrd(directory.parent / "guest.cpio", guest),
            {
                ENGINE_PACKAGE: read_lock(firmware / "sources.lock")[ENGINE_PACKAGE].version,
                **{package: lock[package].version for package in BASELINES},
            },
        )


class _Images:
    def __init__(self, build: BuildDirectory, source: Path, lock: Lock, unpacked: Mapping[str, Path]) -> None:
        self._build = build
        self._source = source
        self._lock = lock
        self._unpacked = unpacked

    def host(self) -> Path:
        contents = Contents(self._source / "host", self._lock, self._unpacked)

        def workload(_step: BuildStep) -> None:
            archive = gzip.compress(contents.packed({}, {}).cpio(), mtime=0)
            (self._build.path / "host.cpio.gz").write_bytes(archive)

        (path,) = self._build.step("host", "Packing QEMU and swtpm", contents.inputs(), ["host.cpio.gz"], workload)
        return path

    def guest(self) -> Path:
        contents = Contents(self._source / "guest", self._lock, self._unpacked)
        program = self._stopwatch()

        def workload(_step: BuildStep) -> None:
            archive = contents.packed({STOPWATCH: program.read_bytes()}, {})
            (self._build.path / "guest.cpio").write_bytes(archive.cpio())

        inputs = [*contents.inputs(), program]
        (path,) = self._build.step("guest", "Packing the bench's part of a guest", inputs, ["guest.cpio"], workload)
        return path

    def initrd(self, *parts: Path) -> Path:
        def workload(_step: BuildStep) -> None:
            (self._build.path / "initrd").write_bytes(b"".join(part.read_bytes() for part in parts))

        (path,) = self._build.step("initrd", "Joining the parts of a guest", parts, ["initrd"], workload)
        return path

    def _stopwatch(self) -> Path:
        source = self._source / "latency.c"

        def workload(step: BuildStep) -> None:
            warnings = ("-Wall", "-Wextra", "-Werror", "-Wconversion")
            output = self._build.path / "tpm-latency"
            step.run(COMPILER, "-std=c17", "-O2", "-s", "-static", *warnings, source, "-o", output)

        (path,) = self._build.step(
            "latency", "Building the guest's stopwatch", [version(COMPILER), source], ["tpm-latency"], workload
        )
        return path
