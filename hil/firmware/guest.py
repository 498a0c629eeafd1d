"""Builds what guests of the Linux host need: the VMM that runs them, their command loop and initramfs.

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
_DIALOGUE = tuple(f"baremetal/{name}.c" for name in ("codec", "dialogue", "reply", "words"))
_INCLUDES = (*_SOURCES, "linux/include", "service/include", "baremetal")
_COMMANDS = "linux/commands"
_FLAGS = ("-std=c17", "-O2", "-s", "-static", "-Wall", "-Wextra", "-Werror", "-Wconversion")


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
                *(_COMPILER, *_FLAGS, "-D_GNU_SOURCE", "-pthread", f"-ffile-prefix-map={self._firmware}=."),
                *(f"-I{self._firmware / name}" for name in _INCLUDES),
                *(path for name in _SOURCES for path in sorted((self._firmware / name).glob("*.c"))),
                *(self._firmware / name for name in _SHARED),
                *("-o", self._build.path / "vmm"),
            )

        inputs: list[Path | str] = [version(_COMPILER), *(self._firmware / name for name in _INCLUDES)]
        return self._build.step("vmm", "Building the VMM", inputs, ["vmm"], work, shared=True)

    def _commands(self) -> Path:
        """Build the program that executes commands in a guest."""
        sources = [*sorted((self._firmware / _COMMANDS).glob("*.c")), *(self._firmware / name for name in _DIALOGUE)]
        output = self._build.path / "hil-commands"

        def work(step: BuildStep) -> None:
            includes = [f"-I{self._firmware / name}" for name in (_COMMANDS, "baremetal")]
            prefix = f"-ffile-prefix-map={self._firmware}=."
            step.run(_COMPILER, *_FLAGS, prefix, *includes, *sources, "-o", output)

        inputs: list[Path | str] = [version(_COMPILER), self._firmware / _COMMANDS, self._firmware / "baremetal"]
        (path,) = self._build.step(
            "commands", "Building the guests' command loop", inputs, [output.name], work, shared=True
        )
        return path

    def _archive(self) -> tuple[Path, ...]:
        program = self._commands()

        def work(_step: BuildStep) -> None:
            archive = self._contents.packed({"usr/bin/hil-commands": program.read_bytes()}, {})
            (self._build.path / "guest.cpio").write_bytes(archive.cpio())

        inputs = [*self._contents.inputs(), program]
        return self._build.step("guest", "Packing the guests' initramfs", inputs, ["guest.cpio"], work)
