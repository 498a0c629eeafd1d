"""Builds what guests of the Linux host need: the VMM that runs them, and their initramfs.

Guests run the host's kernel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.firmware.contents import Contents
from hil.firmware.steps import version

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hil.firmware.initramfs import Initramfs
    from hil.firmware.lock import Lock
    from hil.firmware.steps import BuildDirectory, BuildStep

_COMPILER = "aarch64-linux-gnu-gcc"
_SOURCES = ("linux/vmm", "linux/acpi", "linux/virtio")
_SHARED = tuple(f"baremetal/{name}.c" for name in ("cache", "codec", "dialogue", "exchange", "reply", "words"))
_INCLUDES = (*_SOURCES, "linux/include", "service/include", "baremetal")


class GuestFiles:
    """The steps for what guests need. `firmware` is the tree of our sources, `agent` what can run in Linux' place."""

    def __init__(
        self, build: BuildDirectory, firmware: Path, lock: Lock, unpacked: Mapping[str, Path], agent: Path
    ) -> None:
        self._build = build
        self._firmware = firmware
        self._contents = Contents(firmware / "linux" / "guest", lock, unpacked)
        self._agent = agent

    def make(self) -> tuple[Path, ...]:
        """Make all files that are out of date; return all files that `add_to` reads."""
        return (*self._vmm(), *self._archive(), self._build.path / "Image", self._agent)

    def add_to(self, archive: Initramfs) -> None:
        """Add the files to the host's initramfs."""
        directory = self._build.path
        archive.file("usr/bin/vmm", (directory / "vmm").read_bytes(), 0o755)
        archive.file("guest/Image", (directory / "Image").read_bytes())
        archive.file("guest/initrd", (directory / "guest.cpio").read_bytes())
        archive.file("guest/agent", self._agent.read_bytes())

    def _vmm(self) -> tuple[Path, ...]:
        def work(step: BuildStep) -> None:
            step.run(
                *(
                    _COMPILER,
                    "-std=c17",
                    "-D_GNU_SOURCE",
                    "-O2",
                    "-s",
                    "-static",
                    "-pthread",
                    f"-ffile-prefix-map={self._firmware}=.",
                ),
                *("-Wall", "-Wextra", "-Werror", "-Wconversion"),
                *(f"-I{self._firmware / name}" for name in _INCLUDES),
                *(path for name in _SOURCES for path in sorted((self._firmware / name).glob("*.c"))),
                *(self._firmware / name for name in _SHARED),
                *("-o", self._build.path / "vmm"),
            )

        inputs: list[Path | str] = [version(_COMPILER), *(self._firmware / name for name in _INCLUDES)]
        return self._build.step("vmm", "Building the VMM", inputs, ["vmm"], work)

    def _archive(self) -> tuple[Path, ...]:
        def work(_step: BuildStep) -> None:
            (self._build.path / "guest.cpio").write_bytes(self._contents.packed({}, {}).cpio())

        inputs = self._contents.inputs()
        return self._build.step("guest", "Packing the guests' initramfs", inputs, ["guest.cpio"], work)
