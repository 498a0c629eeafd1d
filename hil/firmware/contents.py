"""Packs an initramfs as described by the contents.toml beside its files (firmware/linux/host, guest)."""

from __future__ import annotations

import tomllib
from stat import S_IXUSR
from typing import TYPE_CHECKING, Any

from hil.firmware.initramfs import Initramfs
from hil.firmware.programs import kernel_modules, shared_libraries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from hil.firmware.lock import Lock


class Contents:
    """The contents of one initial file system; `unpacked` is the directory of each package of `lock`.

    `modules` are loaded in the place of those that contents.toml names.
    """

    def __init__(
        self, source: Path, lock: Lock, unpacked: Mapping[str, Path], modules: Sequence[str] | None = None
    ) -> None:
        self._source = source
        self._lock = lock
        self._unpacked = unpacked
        self._toml: Mapping[str, Any] = tomllib.loads((source / "contents.toml").read_text(encoding="utf-8"))
        self._modules = self._toml["modules"] if modules is None else modules

    def inputs(self) -> list[Path | str]:
        """Return everything that the archive depends on, except our own programs and modules."""
        packages = [*self._toml["libraries"], *(program["package"] for program in self._toml["program"])]
        pins = (self._lock.kernel, *(self._lock[name] for name in packages))
        return [*(pin.key for pin in pins), *self._modules, self._source, *self._executable()]

    def _executable(self) -> list[str]:
        """Return the files that may be executed, which only an archive depends on."""
        root = self._source / "root"
        return [str(path.relative_to(root)) for path in sorted(root.rglob("*")) if path.stat().st_mode & S_IXUSR]

    def packed(self, programs: Mapping[str, bytes], modules: Mapping[str, bytes]) -> Initramfs:
        """Return the archive with our own `programs` by path, and our own `modules`, which load after the kernel's."""
        archive = Initramfs()
        archive.tree(self._source / "root")
        for directory in self._toml["directories"]:
            archive.directory(directory)
        all_programs = self._programs() | dict(programs)
        libraries = shared_libraries(all_programs.values(), [self._unpacked[name] for name in self._toml["libraries"]])
        for path, content in {**all_programs, **libraries}.items():
            archive.file(path, content, 0o755)
        (tree,) = (self._unpacked[self._lock.kernel.package] / "lib" / "modules").iterdir()
        all_modules = {**kernel_modules(self._modules, tree), **modules}
        for name, content in all_modules.items():
            archive.file(f"lib/modules/{name}", content)
        archive.file("etc/modules", "".join(f"/lib/modules/{name}\n" for name in all_modules).encode())
        self._link(archive)
        return archive

    def _programs(self) -> dict[str, bytes]:
        return {
            program["path"]: (self._unpacked[program["package"]] / program["path"]).read_bytes()
            for program in self._toml["program"]
        }

    def _link(self, archive: Initramfs) -> None:
        for path, target in self._toml["links"].items():
            archive.link(path, target)
        for directory, names in self._toml["applets"].items():
            for name in names.split():
                archive.link(f"{directory}/{name}", "/bin/busybox")
        for program in self._toml["program"]:
            path = self._unpacked[program["package"]] / program["path"]
            for link in path.parent.iterdir() if program.get("aliases") else ():
                if link.is_symlink() and link.readlink().as_posix() == path.name:
                    archive.link(f"{program['path'].rpartition('/')[0]}/{link.name}", path.name)
