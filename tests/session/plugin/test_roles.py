"""Several boards in one test: by their roles, with one verdict and one record, in which each can be told apart."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil.errors import ExitCode
from hil.firmware import build
from tests.record.schema import assert_valid

if TYPE_CHECKING:
    from tests.session.plugin.bench import Bench

ROOT = Path(__file__).parents[3]
ROLES = ("--hil-role", "client=fake.yaml", "--hil-role", "server=fake.yaml")
TALK = """
@pytest.mark.boards("client", "server")
def test_both(boards):
    boards["client"].monitor.say(b"from the client\\n")
    boards["server"].monitor.say(b"from the server\\n")
"""
BOTH = "fake+fake"


def test_both_boards_are_in_one_record_with_their_roles_and_consoles(bench: Bench) -> None:
    assert bench.run(TALK, *ROLES).ret == 0
    (board,) = bench.record["boards"]
    assert board["name"] == BOTH
    assert [(role["role"], role["board"]) for role in board["roles"]] == [("client", "fake"), ("server", "fake")]
    consoles = {said["console"]: said["text"] for said in bench.cases["test_both"]["console"]}
    assert "from the client" in consoles["client.monitor"]
    assert "from the server" in consoles["server.monitor"]
    assert {path.name for path in (bench.latest / BOTH).glob("*.log")} == {"client.monitor.log", "server.monitor.log"}
    assert_valid(bench.latest)
    assert bench.case("test_both").classname.startswith(BOTH)


def test_a_test_for_several_boards_is_for_other_runs_where_there_is_one(bench: Bench) -> None:
    bench.run(TALK + "def test_alone(monitor): pass")
    assert bench.cases["test_both"]["unfit"]
    assert "--board client=NAME --board server=NAME" in bench.cases["test_both"]["reason"]
    assert bench.cases["test_alone"]["outcome"] == "passed"


def test_a_test_for_one_board_or_for_other_roles_is_for_other_runs_where_boards_have_roles(bench: Bench) -> None:
    more = """
def test_alone(monitor): pass
@pytest.mark.boards("client", "witness")
def test_other(boards): pass
"""
    bench.run(TALK + more, *ROLES)
    assert bench.cases["test_both"]["outcome"] == "passed"
    assert "by role: client, server" in bench.cases["test_alone"]["reason"]
    assert "none for witness" in bench.cases["test_other"]["reason"]


def test_a_fault_names_the_board_and_its_role(bench: Bench) -> None:
    lost = """
@pytest.mark.boards("client", "server")
def test_lost(boards):
    boards["client"].monitor
    boards["server"].monitor.fail("BoardDied", "it died")
"""
    assert bench.run(lost, *ROLES).ret == ExitCode.INFRASTRUCTURE
    (fault,) = bench.cases["test_lost"]["faults"]
    assert (fault["kind"], fault["message"]) == ("infrastructure", "server (fake): it died")
    assert fault["stage"]


@pytest.mark.parametrize(
    ("marker", "said"),
    [('boards("client", "server")', ""), ("boards", "names of roles"), ("boardz()", "did you mean `boards`")],
)
def test_a_marker_without_roles_is_a_mistake(bench: Bench, marker: str, said: str) -> None:
    result = bench.run(f"@pytest.mark.{marker}\ndef test_it(): pass", *ROLES)
    assert (said in result.stderr.str() + result.stdout.str()) == bool(said) or not said
    assert (result.ret == ExitCode.USAGE) == bool(said)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree with the board `qemu-virt`, and a suite that one board attests to another, and that loses one."""
    build("qemu-virt")
    for name in ("build", "boards", "suites"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "pyproject.toml").write_text("[tool.hil]\n")
    (tmp_path / "test_lost.py").write_text(LOST)
    return tmp_path


LOST = """
import os, signal, pytest

@pytest.mark.boards("client", "server")
def test_lost(boards):
    boards["client"].tpm
    monitor = boards["server"].monitor
    os.kill(boards["server"].board.strategy.board.emulator.pid, signal.SIGKILL)
    monitor.create_vm()
"""


@pytest.mark.emulator
def test_one_emulator_attests_another_of_the_same_file_and_a_dead_one_is_named(tree: Path) -> None:
    roles = ("--board", "client=qemu-virt", "--board", "server=qemu-virt")
    suites = (str(tree / "suites" / "attestation"), "test_lost.py")
    done = subprocess.run(
        [sys.executable, "-m", "hil", "run", "--no-build", *roles, *suites],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == ExitCode.INFRASTRUCTURE, done.stdout
    assert "3 passed" in done.stdout
    assert "server (qemu-virt): QEMU was killed by SIGKILL" in done.stdout
