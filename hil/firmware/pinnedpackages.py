"""Debian packages that the lock files of this checkout pin, for firmware that is built outside of `hil build`."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from hil.buildid import MONITOR
from hil.errors import UsageError
from hil.firmware.crossmake import COMPILER
from hil.firmware.firmware import Artifact, Firmware
from hil.firmware.lock import lock_files, read_lock
from hil.firmware.sources import SourceCache
from hil.firmware.steps import version
from hil.git import git_state
from hil.paths import CHECKOUT
from hil.progress import Progress, Terminal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hil.firmware.lock import Pin


@dataclass(frozen=True, slots=True)
class PinnedPackage:
    """An unpacked package. `key` names its content; it is an input of what is built from it."""

    name: str
    version: str
    key: str
    path: Path

    def file(self, pattern: str) -> Path:
        """Return the one file of the package whose path matches `pattern`. Raises `UsageError` if that is not one."""
        found = [path for path in sorted(self.path.glob(pattern)) if path.is_file()]
        if len(found) != 1:
            raise UsageError(f"{self.name} {self.version} has {len(found)} files like {pattern}")
        return found[0]


def pinned(*patterns: str, progress: Progress | None = None, checkout: Path = CHECKOUT) -> list[PinnedPackage]:
    """Return packages in the order of `patterns`, such as `u-boot-qemu`; download and unpack those that are missing.

    `*` in a pattern stands for anything, since the name of a kernel's package has its release in it. Raises
    `UsageError` when no lock file pins such a package, and the errors of `SourceCache.unpacked`.
    """
    known = [pin for path in lock_files(checkout) for pin in read_lock(path).pins]
    pins = [_pin(pattern, known) for pattern in patterns]
    directories = SourceCache().unpacked(pins, progress or Terminal())
    return [PinnedPackage(pin.package, pin.version, pin.key, directories[pin.package]) for pin in pins]


def write_manifest(
    directory: Path, names: Sequence[str], packages: Sequence[PinnedPackage], *, monitor: str = ""
) -> None:
    """Write the manifest of images in `directory`: a run checks them by it, and records what they were made from.

    `monitor` is the build id of the monitor, if it is one of them.
    """
    made = Firmware(
        platform=directory.resolve().parent.name,
        artifacts={name: Artifact.from_file(directory / name) for name in names},
        inputs={package.name: package.version for package in packages},
        tools={COMPILER: version(COMPILER)},
        git=git_state(directory, untracked=True),
        build_ids={MONITOR: monitor} if monitor else {},
    )
    made.manifest().write(directory)


def _pin(pattern: str, known: list[Pin]) -> Pin:
    for pin in known:
        if fnmatchcase(pin.package, pattern):
            return pin
    raise UsageError(
        f"no lock file of this checkout pins a package {pattern!r}", hint="`firmware` and `examples` have sources.lock"
    )
