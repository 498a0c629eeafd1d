"""Collects programs and kernel modules from unpacked packages, with their dependencies."""

from __future__ import annotations

import io
import lzma
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hil.firmware.errors import BuildFailed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

LIBRARY_DIRECTORIES = ("lib/aarch64-linux-gnu", "usr/lib/aarch64-linux-gnu")
"""Where Debian's arm64 packages have shared libraries, and where its loader looks for them."""
LOADER = "lib/ld-linux-aarch64.so.1"
"""The path that every dynamic program names as its interpreter (AAPCS64's Linux supplement)."""

_MODULE_DEPENDENCIES = re.compile(rb"\0depends=([^\0]*)\0")


def shared_libraries(programs: Iterable[bytes], packages: Sequence[Path]) -> dict[str, bytes]:
    """Return all shared libraries that programs need, directly or not, by their path in the target, with the loader.

    `packages` are the directories to look in. Raises `BuildFailed` for a library that none of them has.
    """
    found: dict[str, bytes] = {}
    wanted = [library for program in programs for library in _needed(program)]
    while wanted:
        path, source = _find_library(wanted.pop(), packages)
        if path not in found:
            found[path] = source.read_bytes()
            wanted += _needed(found[path])
    return found


def kernel_modules(names: Sequence[str], tree: Path) -> dict[str, bytes]:
    """Return modules and those they depend on, uncompressed, by file name, in an order in which they can be loaded.

    `tree` is the directory `lib/modules/<release>` of the kernel's package. A module that is built into the kernel is
    left out. Raises `BuildFailed` for one that does not exist.
    """
    files = {_module_name(path.name): path for path in tree.rglob("*.ko.xz")}
    built_in = {_module_name(line) for line in (tree / "modules.builtin").read_text(encoding="utf-8").splitlines()}
    loaded: dict[str, bytes] = {}

    def load(name: str) -> None:
        if name in built_in or f"{name}.ko" in loaded:
            return
        if name not in files:
            raise BuildFailed(f"the kernel has no module {name}", doing=f"looking through {tree}")
        content = lzma.decompress(files[name].read_bytes())
        match = _MODULE_DEPENDENCIES.search(content)
        for dependency in match[1].decode().split(",") if match and match[1] else []:
            load(_module_name(dependency))
        loaded[f"{name}.ko"] = content

    for name in names:
        load(name)
    return loaded


def _module_name(path: str) -> str:
    """Return the name under which the kernel knows a module: for it, `-` and `_` are one."""
    return path.rpartition("/")[2].partition(".")[0].replace("-", "_")


@dataclass(frozen=True, slots=True)
class _Library:
    """A library that a program asks for, and directories that it knows it in besides the usual ones."""

    name: str
    own_directories: tuple[str, ...]

    @property
    def directories(self) -> tuple[str, ...]:
        loader, _, loader_name = LOADER.rpartition("/")
        return (loader,) if self.name == loader_name else (*self.own_directories, *LIBRARY_DIRECTORIES)


def _find_library(library: _Library, packages: Sequence[Path]) -> tuple[str, Path]:
    for package in packages:
        for directory in library.directories:
            if (path := package / directory / library.name).is_file():
                return f"{directory}/{library.name}", path
    raise BuildFailed(
        f"no package has the shared library {library.name}",
        doing="collecting the libraries of an initramfs",
        hint="add the package that has it to firmware/sources.lock and to the initramfs's contents",
    )


def _needed(program: bytes) -> list[_Library]:
    """Return the libraries that an ELF file asks for; none if it is static."""
    # Every run looks whether its firmware is up to date, and hardly any collects programs.
    from elftools.common.exceptions import ELFError
    from elftools.elf.dynamic import DynamicSection
    from elftools.elf.elffile import ELFFile

    try:
        dynamic = next((s for s in ELFFile(io.BytesIO(program)).iter_sections() if isinstance(s, DynamicSection)), None)
    except ELFError as error:
        raise BuildFailed(f"not a program: {error}", doing="collecting the libraries of an initramfs") from None
    if dynamic is None:
        return []
    tags: Any = dynamic
    paths = [path for tag in tags.iter_tags("DT_RUNPATH") for path in tag.runpath.split(":")]
    own = tuple(path.lstrip("/") for path in paths)
    return [_Library(tag.needed, own) for tag in tags.iter_tags("DT_NEEDED")]
