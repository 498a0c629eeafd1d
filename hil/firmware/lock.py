"""Lock files of third-party packages: names, versions, and the size and SHA-256 of each file."""

from __future__ import annotations

import hashlib
import re
import tomllib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from hil.firmware.errors import LockFileError

if TYPE_CHECKING:
    from pathlib import Path

_SHA256 = re.compile(r"[0-9a-f]{64}")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+~_:-]*")


NAME = "sources.lock"
"""The name of a lock file."""

MAIN = "main"
"""The component of Debian's archives for entries that do not name one."""


KERNEL = "linux-image-"
"""The beginning of the name of a kernel package; the kernel's release follows."""


class Kind(StrEnum):
    """The two kinds of packages, as apt calls them."""

    SOURCE = "deb-src"
    BINARY = "deb"


@dataclass(frozen=True, slots=True)
class LockedFile:
    """One file of a package, identified by its content. `size` is in bytes."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Pin:
    """One package at one version. `architecture` is empty for sources; `component` is the archive's, such as `main`."""

    package: str
    version: str
    suite: str
    kind: Kind
    architecture: str
    files: tuple[LockedFile, ...]
    component: str = MAIN

    @property
    def key(self) -> str:
        """Name of this pin in the cache: readable, and different if one byte of one file is different."""
        content = "".join(f"{file.name} {file.size} {file.sha256}\n" for file in self.files)
        digest = hashlib.sha256(f"{self.kind} {self.architecture}\n{content}".encode()).hexdigest()
        return f"{self.package}_{self.version.replace(':', '%3a')}_{digest[:12]}"

    def __str__(self) -> str:
        source = "source" if self.kind is Kind.SOURCE else self.architecture
        return f"{self.package} {self.version} ({source}, {self.suite})"


@dataclass(frozen=True, slots=True)
class Lock:
    """All pins, in the order of the file."""

    pins: tuple[Pin, ...]

    def __getitem__(self, package: str) -> Pin:
        """Return the pin of `package`. Raises `LockFileError` when the lock file does not have it."""
        for pin in self.pins:
            if pin.package == package:
                return pin
        raise LockFileError(f"the lock file has no package {package!r}", hint="hil firmware update")

    @property
    def kernel(self) -> Pin:
        """The pin of the Linux kernel; the kernel's release is `pin.package.removeprefix(KERNEL)`."""
        return next(pin for pin in self.pins if pin.package.startswith(KERNEL))

    def with_kernel(self, other: Lock) -> Lock:
        """Return these pins with all pins of `other` in the place of our kernel and the packages for its release."""
        release = self.kernel.package.removeprefix(KERNEL)
        return Lock((*other.pins, *(pin for pin in self.pins if not pin.package.endswith(f"-{release}"))))


def read_lock(path: Path) -> Lock:
    """Read a lock file. Raises `LockFileError`, which names the file and the entry."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise LockFileError(f"cannot read {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise LockFileError(f"{path} is not TOML: {error}") from None
    packages = content.get("package")
    if not isinstance(packages, list) or not packages:
        raise LockFileError(f"{path} has no [[package]] entries")
    pins = tuple(_pin(path, number, entry) for number, entry in enumerate(packages, 1))
    names = [pin.package for pin in pins]
    if twice := {name for name in names if names.count(name) > 1}:
        raise LockFileError(f"{path} names {', '.join(sorted(twice))} more than once")
    return Lock(pins)


LOCKED = ("firmware", "examples")
"""The folders of a checkout that have lock files."""


def lock_files(tree: Path) -> list[Path]:
    """Return the lock files of a checkout: those of the firmware first, outer folders first.

    `tree` may be one of its folders, too. Raises `LockFileError` when there is none.
    """
    folders = [tree / folder for folder in LOCKED if (tree / folder).is_dir()] or [tree]
    if found := [path for folder in folders for path in sorted(folder.rglob(NAME), key=_depth)]:
        return found
    raise LockFileError(f"{folders[0]} has no {NAME}", hint="cd to a checkout of hil")


def _depth(path: Path) -> tuple[int, Path]:
    return len(path.parts), path


def write_lock(lock: Lock, path: Path) -> None:
    """Write a lock file that `read_lock` reads back as the same lock. Comments at the top of the old file are kept."""
    head = []
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            if not line.startswith("#"):
                break
            head.append(line + "\n")
    path.write_text("".join(head) + "".join(_format(pin) for pin in lock.pins), encoding="utf-8")


def _format(pin: Pin) -> str:
    architecture = f'architecture = "{pin.architecture}"\n' if pin.architecture else ""
    component = f'component = "{pin.component}"\n' if pin.component != MAIN else ""
    files = "".join(
        f'  {{ name = "{file.name}", size = {file.size}, sha256 = "{file.sha256}" }},\n' for file in pin.files
    )
    return (
        f'\n[[package]]\npackage = "{pin.package}"\nversion = "{pin.version}"\nsuite = "{pin.suite}"\n'
        f'kind = "{pin.kind}"\n{architecture}{component}files = [\n{files}]\n'
    )


def _pin(path: Path, number: int, entry: dict[str, Any]) -> Pin:
    where = f"{path}, package {entry.get('package', number)!s}"

    def text(key: str) -> str:
        value = entry.get(key)
        if not isinstance(value, str) or not _PLAIN_NAME.fullmatch(value):
            raise LockFileError(f"{where}: {key} is missing or malformed: {value!r}")
        return value

    try:
        kind = Kind(entry.get("kind", ""))
    except ValueError:
        raise LockFileError(f"{where}: kind must be one of {', '.join(Kind)}, not {entry.get('kind')!r}") from None
    known = {"package", "version", "suite", "kind", "component", "files"} | (
        {"architecture"} if kind is Kind.BINARY else set()
    )
    if unknown := set(entry) - known:
        raise LockFileError(f"{where}: unknown key {', '.join(sorted(unknown))}")
    files = entry.get("files")
    if not isinstance(files, list) or not files:
        raise LockFileError(f"{where}: files is missing or empty")
    return Pin(
        package=text("package"),
        version=text("version"),
        suite=text("suite"),
        kind=kind,
        architecture=text("architecture") if kind is Kind.BINARY else "",
        files=tuple(_file(where, file) for file in files),
        component=text("component") if "component" in entry else MAIN,
    )


def _file(where: str, entry: Any) -> LockedFile:
    match entry:
        case {"name": str(name), "size": int(size), "sha256": str(sha256), **rest} if not rest:
            if size >= 0 and _SHA256.fullmatch(sha256) and _PLAIN_NAME.fullmatch(name):
                return LockedFile(name, size, sha256)
    raise LockFileError(f"{where}: a file needs a plain name, a size and a sha256, not {entry!r}")
