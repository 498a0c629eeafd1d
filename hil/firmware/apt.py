"""Runs apt with its own configuration, for any suite and architecture, without changing the system's apt."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.firmware.errors import ArchiveError
from hil.firmware.lock import Kind, LockedFile
from hil.tools import run_tool

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

UPDATE_SECONDS = 600.0
DOWNLOAD_SECONDS = 900.0

# All state of apt is redirected into `root`. Settings for access to archives (proxies, credentials, keys) remain the
# system's. Hooks of the system are cleared, because they may change the system.
_CONFIGURATION = """\
Dir::State "{root}/state";
Dir::State::Lists "{root}/lists";
Dir::State::status "{root}/status";
Dir::Cache "{root}/cache";
Dir::Etc::SourceList "{root}/archives.sources";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
APT::Architecture "{architecture}";
#clear APT::Architectures;
APT::Architectures {{ "{architecture}"; }};
#clear APT::Default-Release;
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Pre-Invoke;
#clear DPkg::Post-Invoke;
APT::Update::Error-Mode "any";
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::Retries "3";
Acquire::Source-Symlinks "false";
Acquire::http::Timeout "60";
Acquire::https::Timeout "60";
"""

_EPOCH = re.compile(r"_\d+%3a")


@dataclass(frozen=True, slots=True)
class Served:
    """A version of a package that is available in a suite."""

    version: str
    suite: str


class PrivateApt:
    """apt for one architecture and one source list, with all state under `root`."""

    def __init__(self, root: Path, sources: str, architecture: str) -> None:
        self.root = root
        self._sources = sources
        self._architecture = architecture
        self._configuration = root / "apt.conf"

    def update(self) -> None:
        """Fetch the package lists. Raises `ArchiveError` if any archive fails."""
        for directory in ("lists/partial", "cache/archives/partial", "state"):
            (self.root / directory).mkdir(parents=True, exist_ok=True)
        (self.root / "status").touch()
        (self.root / "archives.sources").write_text(self._sources, encoding="utf-8")
        self._configuration.write_text(
            _CONFIGURATION.format(root=self.root, architecture=self._architecture), encoding="utf-8"
        )
        self._run("fetching package lists", ["apt-get", "update"], seconds=UPDATE_SECONDS)

    def served(self, package: str, kind: Kind) -> tuple[Served, ...]:
        """Return the versions of `package` that the package lists offer, newest first as apt sorts them."""
        index = "Sources" if kind is Kind.SOURCE else "Packages"
        output = self._run(f"looking for {package}", ["apt-cache", "madison", package])
        found = []
        for line in output.splitlines():
            columns = [column.strip() for column in line.split("|")]
            if len(columns) == 3 and columns[0] == package and columns[2].endswith(index):
                found.append(Served(columns[1], columns[2].split()[-3 if kind is Kind.BINARY else -2].split("/")[0]))
        return tuple(dict.fromkeys(found))

    def files(self, package: str, version: str, kind: Kind) -> tuple[LockedFile, ...]:
        """Return the files of a served package as the archive's signed index describes them."""
        command = ["showsrc", "--only-source", package] if kind is Kind.SOURCE else ["show", f"{package}={version}"]
        output = self._run(f"looking for {package} {version}", ["apt-cache", *command])
        for stanza in output.split("\n\n"):
            fields = _fields(stanza)
            if fields.get("Version") != version:
                continue
            if kind is Kind.BINARY:
                name = fields["Filename"].rpartition("/")[2]
                return (LockedFile(name, int(fields["Size"]), fields["SHA256"]),)
            rows = (line.split() for line in fields["Checksums-Sha256"].splitlines() if line.strip())
            return tuple(LockedFile(name, int(size), sha256) for sha256, size, name in rows)
        raise ArchiveError(f"the archive lists {package} {version} without its checksums")

    def download(self, package: str, version: str, kind: Kind, into: Path) -> None:
        """Download the files of a package into a directory; apt verifies them against the signed index.

        Raises `ArchiveError` with apt's own words.
        """
        command = ["source", "--download-only", "--only-source"] if kind is Kind.SOURCE else ["download"]
        self._run(
            f"downloading {package} {version}",
            ["apt-get", *command, f"{package}={version}"],
            seconds=DOWNLOAD_SECONDS,
            directory=into,
        )
        for path in into.glob("*%3a*"):  # apt names a file with the epoch of its version, the archive without
            path.rename(into / _EPOCH.sub("_", path.name))

    def _run(self, doing: str, command: Sequence[str], *, seconds: float = 60.0, directory: Path | None = None) -> str:
        program, *arguments = command
        line = [program, "-q", "-c", str(self._configuration), *arguments]
        return run_tool(
            line,
            seconds=seconds,
            doing=doing,
            failed=ArchiveError,
            hint=f"see whether {program} works at all on this machine",
            install="a Debian 12 machine",
            directory=directory or self.root,
            environment={**os.environ, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"},
        ).text


def _fields(stanza: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    name = ""
    for line in stanza.splitlines():
        if line[:1].isspace():
            fields[name] = fields.get(name, "") + "\n" + line.strip()
        else:
            name, _, value = line.partition(":")
            fields[name] = value.strip()
    return fields
