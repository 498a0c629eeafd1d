from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer import Typer
from typer.testing import CliRunner

from hil.errors import ExitCode
from hil.operations.doctor import check as check_module
from hil.operations.doctor import checks, command
from hil.operations.doctor.tools import TOOLS, inspect

if TYPE_CHECKING:
    from pathlib import Path

    from hil.operations.doctor import Check

QEMU_HELP = "Supported machines are:\nvirt                 QEMU 10.0 ARM Virtual Machine (default)\n"


def check(name: str) -> Check:
    return next(check for check in checks() if check.name == name)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only directory in PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def add(programs: Path, name: str, version: str, machines: str = "") -> None:
    path = programs / name
    path.write_text(f"#!/bin/sh\nif [ $1 = --version ]; then echo '{version}'; else echo '{machines}'; fi\n")
    path.chmod(0o755)


def run(*arguments: str) -> tuple[int, str]:
    app = Typer()
    app.command()(command)
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.stdout


@pytest.mark.usefixtures("programs")
def test_a_missing_tool_is_named_with_the_package_that_has_it() -> None:
    found = check("cross compiler")
    assert not found.ok
    assert found.packages == ("gcc-aarch64-linux-gnu",)
    assert found.remedy == "apt-get install gcc-aarch64-linux-gnu"


@pytest.mark.parametrize(
    ("version", "machines", "lacks"),
    [
        ("QEMU emulator version 7.2.19 (Debian 1:7.2+dfsg-7)", QEMU_HELP, "version 7.2.19"),
        ("QEMU emulator version 10.0.2 (Debian 1:10.0.2)", QEMU_HELP, "version 10.0.2 without machine raspi4b"),
        ("QEMU emulator version 10.0.2", QEMU_HELP + "raspi4b    Raspberry Pi 4B\n", ""),
        ("QEMU emulator version 11.0", QEMU_HELP + "raspi4b    Raspberry Pi 4B\n", ""),
        ("no version at all", "", "version 0"),
    ],
    ids=["too old", "without a board", "good", "newer", "mute"],
)
def test_an_emulator_is_good_if_it_is_new_enough_and_knows_the_boards(
    programs: Path, version: str, machines: str, lacks: str
) -> None:
    add(programs, "qemu-system-aarch64", version, machines)
    assert inspect(TOOLS["emulator"]).lacks == lacks


def test_the_version_of_a_cross_compiler_is_found_behind_its_vendor(programs: Path) -> None:
    add(programs, "aarch64-linux-gnu-gcc", "aarch64-linux-gnu-gcc (Debian 11.2.0-14) 12.2.0")
    assert inspect(TOOLS["cross compiler"]).version == "12.2.0"


def test_pyserial_over_labgrids_fork_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert check("serial").ok
    monkeypatch.setattr(check_module, "_is_as_recorded", lambda path, _recorded: path.name != "rfc2217.py")
    found = check("serial")
    assert found.found == "overwritten: serial/rfc2217.py"
    assert found.reinstall == "pyserial-labgrid"


def test_a_cache_that_cannot_be_written_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("HIL_CACHE", str(tmp_path / "file"))
    found = check("cache")
    assert not found.ok
    assert "HIL_CACHE" in found.remedy


def test_too_little_disk_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_module, "DISK_BYTES", 1 << 60)
    assert not check("disk space").ok


@pytest.mark.usefixtures("programs")
def test_the_command_says_what_is_missing_and_ends_with_the_code_for_usage() -> None:
    code, output = run()
    assert code == ExitCode.USAGE
    assert "missing emulator: not installed; wanted: qemu-system-aarch64 10 or later" in output
    assert "try: apt-get install cppcheck" in output


def test_a_program_can_read_the_checks() -> None:
    code, output = run("--json")
    content = json.loads(output)
    assert content["ok"] == (code == ExitCode.PASSED)
    assert {"name", "ok", "found", "wanted", "remedy"} <= set(content["checks"][0])
