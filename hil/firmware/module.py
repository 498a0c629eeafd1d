"""Compiles our own programs for the Linux host: the kernel module, the program that tests it, the command runner.

The module is built out of tree from Debian's headers packages. These expect to be installed; a directory of links
imitates that, so that nothing is copied or installed.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from hil.firmware.errors import BuildFailed
from hil.firmware.steps import lay, version

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from hil.firmware.lock import Lock
    from hil.firmware.steps import BuildDirectory, BuildStep

_PREFIX = "aarch64-linux-gnu-"
_SOURCES = ("linux/module", "linux/include", "service/include")
_BUILD_TOOLS = ("certs", "scripts", "tools")
"""Directories of the kbuild package to which the headers packages have links."""


class HostPrograms:
    """The steps for the compiled parts. `firmware` is the tree of our sources, `unpacked` each package's directory."""

    def __init__(self, build: BuildDirectory, firmware: Path, lock: Lock, unpacked: Mapping[str, Path]) -> None:
        self._build = build
        self._firmware = firmware
        self._lock = lock
        self._unpacked = unpacked

    def module(self) -> Path:
        """Build `vtpm.ko`, without debugging symbols, and return its path."""
        (common,) = self._packages("linux-headers-", "-common")
        (flavour,) = self._packages("linux-headers-", "-arm64")
        (tools,) = self._packages("linux-kbuild-", "")
        scratch = self._build.path / "module"

        def work(step: BuildStep) -> None:
            shutil.rmtree(scratch, ignore_errors=True)
            for name in _SOURCES:
                lay(self._firmware / name, scratch / name)
            kbuild = self._only(tools, "usr/lib/linux-kbuild-*")
            source = _linked(scratch / "kernel", self._only(common, "usr/src/linux-headers-*"), kbuild)
            # With a vmlinux, the module would get type information, which takes a tool more.
            objects = _linked(
                scratch / "configured", self._only(flavour, "usr/src/linux-headers-*"), kbuild, ("Makefile", "vmlinux")
            )
            step.run(
                *("make", "--no-print-directory", "-C", objects, "-f", source / "Makefile", "modules"),
                *(f"M={scratch / 'linux' / 'module'}", f"KCFLAGS=-ffile-prefix-map={scratch}=."),
                "CONFIG_DEBUG_INFO_BTF_MODULES=",
            )
            built = scratch / "linux" / "module" / "vtpm.ko"
            step.run(f"{_PREFIX}strip", "--strip-debug", "-o", self._build.path / "vtpm.ko", built)

        keys = [self._lock[package].key for package in (common, flavour, tools)]
        (path,) = self._build.step(
            "module",
            "Building the host's vTPM module",
            [version(f"{_PREFIX}gcc"), *keys, *(self._firmware / name for name in _SOURCES)],
            ["vtpm.ko"],
            work,
            shared=True,
        )
        return path

    def probe(self) -> Path:
        """Build the program that lets tests use the module, and return its path."""
        return self._program("probe", "Building the vTPM probe", "vtpm-probe", ["probe", "include"])

    def runner(self) -> Path:
        """Build the program that starts commands for us, and return its path."""
        return self._program("runner", "Building the runner", "hil-runner", ["runner"])

    def _program(self, name: str, title: str, output: str, folders: Sequence[str]) -> Path:
        """Build a program from the first of some folders of firmware/linux; the others have headers for it."""
        trees = [self._firmware / "linux" / folder for folder in folders]

        def work(step: BuildStep) -> None:
            flags = ["-std=c17", "-O2", "-s", "-Wall", "-Wextra", "-Werror", "-Wconversion"]
            includes = [f"-I{tree}" for tree in trees]
            sources = sorted(trees[0].glob("*.c"))
            step.run(f"{_PREFIX}gcc", *flags, *includes, *sources, "-o", self._build.path / output)

        (path,) = self._build.step(name, title, [version(f"{_PREFIX}gcc"), *trees], [output], work, shared=True)
        return path

    def _packages(self, start: str, end: str) -> list[str]:
        names = [pin.package for pin in self._lock.pins]
        return [name for name in names if name.startswith(start) and name.endswith(end)]

    def _only(self, package: str, pattern: str) -> Path:
        found = list(self._unpacked[package].glob(pattern))
        if len(found) != 1:
            raise BuildFailed(f"{package} has {len(found)} of {pattern}", doing="building the host's vTPM module")
        return found[0]


def _linked(directory: Path, headers: Path, kbuild: Path, without: tuple[str, ...] = ()) -> Path:
    """Make a directory of links to what a headers package has, and to the tools that it lacks."""
    directory.mkdir(parents=True)
    for path in headers.iterdir():
        if path.name not in (*without, *_BUILD_TOOLS):
            (directory / path.name).symlink_to(path)
    for name in _BUILD_TOOLS:
        (directory / name).symlink_to(kbuild / name)
    return directory
