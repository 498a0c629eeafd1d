"""Repairs: Debian packages, also from backports, without changing apt's configuration; and Python packages."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from hil.errors import MissingTool, UsageError
from hil.firmware.archives import SuiteRequest, configured_archives, source_list
from hil.firmware.lock import Kind
from hil.operations.doctor.tools import TOOLS
from hil.tools import run_tool

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.operations.doctor.check import Check
    from hil.progress import Progress

INSTALL_SECONDS = 1800.0

# Not from Debian 12 itself: too old there. Later releases have no need of their backports.
_BACKPORTED_RELEASES = frozenset({"bookworm"})


def repair(failed: Sequence[Check], progress: Progress) -> None:
    """Install what the failed checks name. Raises `UsageError` when that takes rights that this user lacks."""
    packages = [package for check in failed for package in check.packages]
    backported = {tool.package for tool in TOOLS.values() if tool.backports}
    ordinary = [package for package in packages if package not in backported]
    newer = [package for package in packages if package in backported]
    if ordinary:
        with progress.step(f"Installing {' '.join(ordinary)}"):
            _apt("update")
            _apt("install", "--no-install-recommends", *ordinary)
    if newer:
        with progress.step(f"Installing {' '.join(newer)}"):
            _install_newer(newer)
    for check in failed:
        if check.reinstall:
            with progress.step(f"Installing {check.reinstall} again"):
                _pip("uninstall", "--yes", "pyserial")
                _pip("install", "--force-reinstall", "--no-deps", check.reinstall)


def _install_newer(packages: Sequence[str]) -> None:
    """Install from backports, through a source list that lives only as long as this call."""
    codename = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    if codename not in _BACKPORTED_RELEASES:
        _apt("update")
        _apt("install", "--no-install-recommends", *packages)
        return
    archives = configured_archives()
    security = [f"{codename}-security"] if any(archive.is_security for archive in archives) else []
    suites = [codename, f"{codename}-updates", *security, f"{codename}-backports"]
    sources = source_list(archives, [SuiteRequest(suite, Kind.BINARY, "") for suite in suites])
    with TemporaryDirectory(prefix="hil-apt-") as name:
        directory = Path(name)
        (directory / "archives.sources").write_text(sources, encoding="utf-8")
        (directory / "lists" / "partial").mkdir(parents=True)
        options = [
            f"Dir::Etc::SourceList={directory}/archives.sources",
            "Dir::Etc::SourceParts=/dev/null",
            f"Dir::State::Lists={directory}/lists",
            f"Dir::Cache::pkgcache={directory}/pkgcache.bin",
            f"Dir::Cache::srcpkgcache={directory}/srcpkgcache.bin",
            "APT::Sandbox::User=",
        ]
        flags = [word for option in options for word in ("-o", option)]
        _apt("update", *flags)
        _apt("install", "--no-install-recommends", *flags, "-t", f"{codename}-backports", *packages)


def _apt(*arguments: str) -> None:
    if shutil.which("apt-get") is None:
        raise MissingTool(
            "this is no Debian machine: apt-get is missing", hint="install what `hil doctor` lists by hand"
        )
    command = ["apt-get", "-qq", "-y", "-o", "Dpkg::Use-Pty=0", *arguments]
    if os.geteuid() != 0:
        if shutil.which("sudo") is None:
            raise UsageError(
                "installing Debian packages takes root, and sudo is not here",
                hint=f"as root: apt-get {' '.join(argument for argument in arguments if ' ' not in argument)}",
            )
        command = ["sudo", "env", "DEBIAN_FRONTEND=noninteractive", *command]
    _run(command, {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"})


def _pip(*arguments: str) -> None:
    _run([sys.executable, "-m", "pip", "--quiet", *arguments], dict(os.environ))


def _run(command: Sequence[str], environment: dict[str, str]) -> None:
    doing = f"running {' '.join(command)}"
    run_tool(command, seconds=INSTALL_SECONDS, doing=doing, environment=environment, terminal=True)
