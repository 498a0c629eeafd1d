"""Downloads third-party packages from the archive to the cache, verifies and unpacks them.

A package is downloaded and unpacked beside its final place and then moved there in one step, so the cache never
has a part of a package. Once a package is unpacked, neither the archive nor apt is needed.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Protocol

from hil.files import file_sha256
from hil.firmware.apt import PrivateApt
from hil.firmware.archives import SYSTEM_APT, SuiteRequest, configured_archives, source_list
from hil.firmware.cache import exclusive
from hil.firmware.errors import CorruptDownload, PinGone
from hil.firmware.lock import Kind, Pin
from hil.paths import cache_root
from hil.tools import run_tool

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hil.firmware.apt import Served
    from hil.firmware.lock import LockedFile
    from hil.progress import Progress

SOURCE_ARCHITECTURE = "arm64"
"""Sources have no architecture. They use the package lists of this one, which the firmware is built for."""
UNPACK_SECONDS = 300.0


class Archives(Protocol):
    """The part of apt that this module needs."""

    def update(self) -> None:
        """Fetch the package lists."""

    def served(self, package: str, kind: Kind) -> tuple[Served, ...]:
        """Return the versions of a package in the package lists."""

    def files(self, package: str, version: str, kind: Kind) -> tuple[LockedFile, ...]:
        """Return the files of one version of a package."""

    def download(self, package: str, version: str, kind: Kind, into: Path) -> None:
        """Download the files of a package into a directory."""


def private_apt(pins: Sequence[Pin], cache: Path, configuration: Path = SYSTEM_APT) -> PrivateApt:
    """Return an apt that knows the suites of `pins`; these must all be for one architecture, or sources.

    `configuration` is the directory of the apt configuration that names the archives.
    """
    architecture = _architecture(pins[0])
    wanted = [
        SuiteRequest(pin.suite, pin.kind, architecture if pin.kind is Kind.BINARY else "", pin.component)
        for pin in pins
    ]
    return PrivateApt(
        cache / "apt" / architecture, source_list(configured_archives(configuration), wanted), architecture
    )


class SourceCache:
    """The packages of lock files in a cache directory. One process at a time changes it."""

    def __init__(self, root: Path | None = None, apt: Callable[[Sequence[Pin], Path], Archives] = private_apt) -> None:
        self.root = root or cache_root()
        self._apt = apt

    def unpacked(self, pins: Sequence[Pin], progress: Progress) -> dict[str, Path]:
        """Return the directory of each package by name; download and unpack the packages that are missing.

        Raises `PinGone` when the archive no longer has a pinned version, `CorruptDownload` when a file is not the
        pinned one, and `ArchiveError` when the archive cannot be reached.
        """
        directories = {pin.package: self.root / "unpacked" / pin.key for pin in pins}
        if all(directory.is_dir() for directory in directories.values()):
            return directories
        with exclusive(self.root, "preparing third-party sources"):
            shutil.rmtree(self._partial, ignore_errors=True)
            self._partial.mkdir()
            missing = [pin for pin in pins if not directories[pin.package].is_dir()]
            self._fetch([pin for pin in missing if not self._is_fetched(pin)], progress)
            for pin in missing:
                with progress.step(f"Unpacking {pin.package} {pin.version}"):
                    self._unpack(pin, directories[pin.package])
        return directories

    @property
    def _partial(self) -> Path:
        return self.root / "partial"

    def _downloads(self, pin: Pin) -> Path:
        return self.root / "downloads" / pin.key

    def _is_fetched(self, pin: Pin) -> bool:
        """Whether all files of a pin are downloaded and undamaged. A damaged download is deleted."""
        directory = self._downloads(pin)
        if not directory.is_dir():
            return False
        try:
            verify(pin, directory)
        except CorruptDownload:
            shutil.rmtree(directory)
            return False
        return True

    def _fetch(self, pins: Sequence[Pin], progress: Progress) -> None:
        for architecture in dict.fromkeys(_architecture(pin) for pin in pins):
            group = [pin for pin in pins if _architecture(pin) == architecture]
            apt = self._apt(group, self.root)
            with progress.step(f"Fetching package lists ({', '.join(sorted({pin.suite for pin in group}))})"):
                apt.update()
            for pin in group:
                with progress.step(f"Downloading {pin.package} {pin.version}"):
                    self._download(pin, apt)

    def _download(self, pin: Pin, apt: Archives) -> None:
        served = apt.served(pin.package, pin.kind)
        if pin.version not in {offer.version for offer in served}:
            raise PinGone(
                f"the archive no longer serves {pin}; it serves {_listing(served)}",
                doing="fetching third-party sources",
                hint="hil firmware update",
            )
        with TemporaryDirectory(dir=self._partial) as scratch:
            apt.download(pin.package, pin.version, pin.kind, Path(scratch))
            verify(pin, Path(scratch))
            _move(Path(scratch), self._downloads(pin))

    def _unpack(self, pin: Pin, target: Path) -> None:
        downloads = self._downloads(pin)
        with TemporaryDirectory(dir=self._partial) as scratch:
            tree = Path(scratch) / "tree"
            if pin.kind is Kind.BINARY:
                command = ["dpkg-deb", "--extract", str(downloads / pin.files[0].name), str(tree)]
            else:
                description = next(file.name for file in pin.files if file.name.endswith(".dsc"))
                # Its own signature need not be checked: apt has verified the index that lists the .dsc, and verify()
                # every byte.
                command = ["dpkg-source", "-q", "--no-check", "--extract", str(downloads / description), str(tree)]
            run_tool(command, seconds=UNPACK_SECONDS, doing=f"unpacking {pin}", failed=CorruptDownload)
            _move(tree, target)


def verify(pin: Pin, directory: Path) -> None:
    """Check that a directory has the files of `pin`. Raises `CorruptDownload`, which names the package.

    A file is that of the pin if its size and SHA-256 are those of the lock file. Other files do not matter.
    """
    for file in pin.files:
        path = directory / file.name
        if not path.is_file():
            raise CorruptDownload(f"{pin.package} {pin.version}: {file.name} is missing", doing="verifying downloads")
        size = path.stat().st_size
        sha256 = file_sha256(path)
        if (size, sha256) != (file.size, file.sha256):
            raise CorruptDownload(
                f"{pin.package} {pin.version}: {file.name} is not the pinned file, refused:"
                f" it has {size} bytes and SHA-256 {sha256}, the lock file says {file.size} and {file.sha256}",
                doing="verifying downloads",
                hint="try again; if it stays so, the archive has changed: compare before `hil firmware update`",
            )


def _architecture(pin: Pin) -> str:
    return pin.architecture or SOURCE_ARCHITECTURE


def _listing(served: Sequence[Served]) -> str:
    return ", ".join(f"{offer.version} ({offer.suite})" for offer in served) or "no version of it"


def _move(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    source.chmod(0o755)
    source.rename(target)
    source.mkdir()  # for TemporaryDirectory to remove
