"""Builds the monitor for EL2, which contains the guest agent for EL1."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from hil.firmware.crossmake import COMPILER, make
from hil.firmware.steps import build_id, version
from hil.paths import CHECKOUT

if TYPE_CHECKING:
    from pathlib import Path

    from hil.firmware.steps import BuildDirectory, BuildStep

_TREES = ("monitor", "guest", "baremetal", "linux/acpi", "linux/virtio", "service/include")


def build_monitor(build: BuildDirectory, platform: str, sources: Path = CHECKOUT / "firmware") -> str:
    """Make `monitor.bin`, `guest.bin` and their ELF files in a build directory; return the monitor's build id.

    `platform` is a directory of firmware/monitor/platform. Raises `BuildFailed`, and `MissingTool` without the cross
    compiler.
    """
    out = build.path / "monitor"
    images = ("monitor.elf", "monitor.bin", "guest.elf", "guest.bin")
    inputs: list[Path | str] = [version(COMPILER), platform, *(sources / tree for tree in _TREES)]
    identity = build_id(inputs)

    def work(step: BuildStep) -> None:
        shutil.rmtree(out, ignore_errors=True)
        make(step, sources / "monitor", "all", OUT=out, PLATFORM=platform, BUILD_ID=identity)
        for name in images:
            shutil.copy(out / name, build.path / name)

    build.step("monitor", "Building the monitor and the guest agent", inputs, images, work, shared=True)
    return identity
