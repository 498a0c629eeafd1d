"""A small Debian archive in a directory, which apt reads through a `file:` source list."""

from __future__ import annotations

import gzip
import hashlib
import subprocess
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from hil.firmware.lock import Kind, LockedFile, Pin
from hil.firmware.sources import private_apt

if TYPE_CHECKING:
    from pathlib import Path

    from hil.firmware.apt import PrivateApt

SUITE = "bookworm"
ARCHITECTURE = "arm64"


def locked(path: Path) -> LockedFile:
    content = path.read_bytes()
    return LockedFile(path.name, len(content), hashlib.sha256(content).hexdigest())


@dataclass
class Archive:
    """Holds binary packages in one suite; `publish` makes what was added visible to apt."""

    root: Path

    def __post_init__(self) -> None:
        self.pool = self.root / "archive" / "pool"
        self.pool.mkdir(parents=True)
        self.configuration = self.root / "etc"
        self.configuration.mkdir()
        listing = f"deb [trusted=yes] file:{self.root}/archive {SUITE} main\n"
        (self.configuration / "sources.list").write_text(listing)
        self._stanzas: dict[str, list[str]] = {"binary": [], "source": []}

    @property
    def apt(self) -> partial[PrivateApt]:
        """A factory for `SourceCache`."""
        return partial(private_apt, configuration=self.configuration)

    def add_binary(self, package: str, version: str, content: str) -> Pin:
        tree = self.root / "trees" / f"{package}-{version}"
        (tree / "DEBIAN").mkdir(parents=True)
        (tree / "usr").mkdir()
        (tree / "usr" / "content").write_text(content)
        control = (
            f"Package: {package}\nVersion: {version}\nArchitecture: {ARCHITECTURE}\n"
            f"Maintainer: nobody <nobody@localhost>\nDescription: for a test\n"
        )
        (tree / "DEBIAN" / "control").write_text(control)
        path = self.pool / f"{package}_{version.rpartition(':')[2]}_{ARCHITECTURE}.deb"
        subprocess.run(
            ["dpkg-deb", "--root-owner-group", "--build", tree, path], check=True, timeout=60, capture_output=True
        )
        file = locked(path)
        self._stanzas["binary"].append(
            f"{control}Filename: pool/{file.name}\nSize: {file.size}\nSHA256: {file.sha256}\n"
        )
        return Pin(package, version, SUITE, Kind.BINARY, ARCHITECTURE, (file,))

    def add_source(self, package: str, version: str, content: str) -> Pin:
        tree = self.root / "trees" / f"{package}-{version}"
        (tree / "debian" / "source").mkdir(parents=True)
        (tree / "content").write_text(content)
        (tree / "debian" / "source" / "format").write_text("3.0 (native)\n")
        (tree / "debian" / "control").write_text(
            f"Source: {package}\nMaintainer: nobody <nobody@localhost>\n\n"
            f"Package: {package}\nArchitecture: all\nDescription: for a test\n"
        )
        (tree / "debian" / "changelog").write_text(
            f"{package} ({version}) {SUITE}; urgency=low\n\n  * Test.\n\n"
            " -- nobody <nobody@localhost>  Wed, 01 Jan 2025 00:00:00 +0000\n"
        )
        subprocess.run(["dpkg-source", "--build", tree], cwd=self.pool, check=True, timeout=60, capture_output=True)
        files = tuple(locked(path) for path in sorted(self.pool.glob(f"{package}_{version}.*")))
        sums = "".join(f"\n {file.sha256} {file.size} {file.name}" for file in files)
        old_sums = "".join(f"\n {_md5(self.pool / file.name)} {file.size} {file.name}" for file in files)
        self._stanzas["source"].append(
            f"Package: {package}\nBinary: {package}\nVersion: {version}\nArchitecture: all\nFormat: 3.0 (native)\n"
            f"Directory: pool\nFiles:{old_sums}\nChecksums-Sha256:{sums}\n"
        )
        return Pin(package, version, SUITE, Kind.SOURCE, "", files)

    def withdraw_all(self) -> None:
        """Forget every package; call `publish` to let apt know."""
        self._stanzas = {"binary": [], "source": []}

    def publish(self) -> None:
        suite = self.root / "archive" / "dists" / SUITE
        sums = ""
        for kind, path in (("binary", f"main/binary-{ARCHITECTURE}/Packages.gz"), ("source", "main/source/Sources.gz")):
            target = suite / path
            target.parent.mkdir(parents=True, exist_ok=True)
            for name, content in (
                (path, gzip.compress("\n".join(self._stanzas[kind]).encode(), mtime=0)),
                (path.removesuffix(".gz"), "\n".join(self._stanzas[kind]).encode()),
            ):
                (suite / name).write_bytes(content)
                sums += f" {hashlib.sha256(content).hexdigest()} {len(content)} {name}\n"
        (suite / "Release").write_text(
            f"Suite: {SUITE}\nCodename: {SUITE}\nArchitectures: {ARCHITECTURE}\nComponents: main\n"
            f"Date: Wed, 01 Jan 2025 00:00:00 UTC\nSHA256:\n{sums}"
        )


def _md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
