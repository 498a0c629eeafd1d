"""What `hil doctor --fix` asks of apt and pip, as seen by a recorder in their place."""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import sys
from typing import TYPE_CHECKING

import pytest

from hil.errors import MissingTool, UsageError
from hil.operations.doctor.check import Check
from hil.operations.doctor.repair import repair
from hil.operations.doctor.tools import TOOLS
from hil.progress import Silent

if TYPE_CHECKING:
    from pathlib import Path

RECORDER = """#!/bin/sh
for argument; do
    case $argument in
        Dir::Etc::SourceList=*) cat "${argument#*=}" >>"$RECORD.sources" ;;
    esac
done
echo "${0##*/} $*" >>"$RECORD"
"""
NEWER = next(tool.package for tool in TOOLS.values() if tool.backports)


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file that takes down what is run; as root, on Debian 12."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("apt-get", "sudo"):
        (programs / name).write_text(RECORDER)
        (programs / name).chmod(0o755)
    (programs / "cat").symlink_to(shutil.which("cat") or "/bin/cat")
    (programs / "sh").symlink_to("/bin/sh")
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setenv("RECORD", str(tmp_path / "record"))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: {"VERSION_CODENAME": "bookworm"})
    return tmp_path / "record"


def missing(*packages: str, reinstall: str = "") -> Check:
    return Check("a tool", ok=False, found="nothing", wanted="something", packages=packages, reinstall=reinstall)


def test_packages_are_installed_after_the_lists_were_fetched(record: Path) -> None:
    repair([missing("mtools"), missing("cppcheck")], Silent())
    update, install = record.read_text().splitlines()
    assert shlex.split(update)[-1] == "update"
    assert shlex.split(install)[-4:] == ["install", "--no-install-recommends", "mtools", "cppcheck"]


def test_what_is_too_old_here_comes_from_backports_without_a_change_of_apt_s_configuration(record: Path) -> None:
    repair([missing(NEWER)], Silent())
    update, install = record.read_text().splitlines()
    assert "Dir::Etc::SourceParts=/dev/null" in update
    assert install.endswith(f"-t bookworm-backports {NEWER}")
    assert "bookworm-backports" in record.with_suffix(".sources").read_text()


def test_a_later_release_needs_no_backports(record: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: {"VERSION_CODENAME": "trixie"})
    repair([missing(NEWER)], Silent())
    assert record.read_text().splitlines()[-1].endswith(f"install --no-install-recommends {NEWER}")


def test_a_user_asks_by_sudo(record: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    repair([missing("mtools")], Silent())
    assert all(line.startswith("sudo env DEBIAN_FRONTEND=noninteractive") for line in record.read_text().splitlines())


def test_a_user_without_sudo_is_told_what_root_would_type(record: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    (record.parent / "bin" / "sudo").unlink()
    with pytest.raises(UsageError, match="takes root") as caught:
        repair([missing("mtools")], Silent())
    assert "as root: apt-get update" in str(caught.value)
    assert not record.exists()


def test_another_system_is_told_that_it_is_no_debian(record: Path) -> None:
    (record.parent / "bin" / "apt-get").unlink()
    with pytest.raises(MissingTool, match="no Debian machine"):
        repair([missing("mtools")], Silent())


def test_a_python_package_that_another_overwrote_is_installed_again(
    record: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pip = record.parent / "bin" / "python"
    pip.write_text(RECORDER)
    pip.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(pip))
    repair([missing(reinstall="pyserial-labgrid")], Silent())
    removed, installed = record.read_text().splitlines()
    assert removed.endswith("uninstall --yes pyserial")
    assert installed.endswith("install --force-reinstall --no-deps pyserial-labgrid")
