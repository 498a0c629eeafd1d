"""labgrid's own tools drive our boards without any command of ours."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil.deadline import Deadline
from tests.board.drivers.conftest import BOOT, write_board
from tests.board.drivers.guest import assemble, echo

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.emulator

PROGRAMS = Path(sys.executable).parent

SUITE = """
def test_console_answers(target, strategy):
    strategy.transition("monitor")
    console = target.get_driver("UartDriver", name="monitor")
    console.write(b"ping")
    console.expect("ping", timeout=10)

def test_the_first_line_is_the_console_when_none_is_named(target, strategy):
    strategy.transition("monitor")
    target.get_driver("ConsoleProtocol").write(b"hello")
    target.get_driver("ConsoleProtocol").expect("hello", timeout=10)
"""


def board_file(directory: Path, *, place: str | None = None) -> Path:
    """Write a board file that imports what it needs by module name, at a place if one is named."""
    path = write_board(directory, assemble(directory, *BOOT, echo("monitor")))
    content = json.loads(path.read_text())
    content["imports"].append("tests.board.drivers.shell")
    if place:
        content["targets"]["main"]["resources"] = {"RemotePlace": {"name": place}}
    path.write_text(json.dumps(content))
    return path


def run(directory: Path, *command: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **variables, "PYTHONPATH": str(Path(__file__).parents[3])}
    return subprocess.run(
        [PROGRAMS / command[0], *command[1:]],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_labgrids_pytest_plugin_drives_a_board_file(tmp_path: Path) -> None:
    (tmp_path / "test_suite.py").write_text(SUITE)
    (tmp_path / "pytest.ini").touch()
    result = run(tmp_path, "pytest", "--lg-env", board_file(tmp_path), "test_suite.py")
    assert "2 passed" in result.stdout, result.stdout + result.stderr


@pytest.fixture
def coordinator(tmp_path: Path) -> Iterator[str]:
    """A coordinator of our own; returns its address."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    log = tmp_path / "coordinator.log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [PROGRAMS / "labgrid-coordinator", "-l", f"127.0.0.1:{port}"], cwd=tmp_path, stdout=output, stderr=output
        ) as process,
    ):
        deadline = Deadline.after(30)
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), deadline.remaining).close()
                break
            except ConnectionRefusedError:
                assert process.poll() is None, log.read_text()
                assert not deadline.expired, "the coordinator does not listen"
        yield f"127.0.0.1:{port}"
        process.terminate()


def test_labgrid_client_brings_a_board_into_a_state_and_switches_its_power(tmp_path: Path, coordinator: str) -> None:
    board = board_file(tmp_path, place="desk")
    for command in (["create"], ["acquire"]):
        assert run(tmp_path, "labgrid-client", "-p", "desk", *command, LG_COORDINATOR=coordinator).returncode == 0
    result = run(tmp_path, "labgrid-client", "-c", board, "-s", "monitor", "power", "get", LG_COORDINATOR=coordinator)
    assert "Transitioning into state monitor" in result.stdout, result.stderr
    assert result.stdout.splitlines()[-1].endswith("is on"), result.stdout + result.stderr
    assert run(tmp_path, "labgrid-client", "-c", board, "power", "cycle", LG_COORDINATOR=coordinator).returncode == 0
