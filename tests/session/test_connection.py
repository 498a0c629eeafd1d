"""A script has a board in three lines, and however it ends, the board is off, free, and recorded."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

import hil
from hil.errors import BoardUnavailable, UsageError
from hil.firmware import build
from hil.lab.boards.hold import held
from hil.session.tree import Tree
from tests.record.schema import assert_valid
from tests.session.plugin.bench import BOARD

if TYPE_CHECKING:
    from hil.board.file.boardfile import BoardFile

ROOT = Path(__file__).parents[2]
SECONDS = 120
OPEN = "import hil\nboard = hil.connect('fake', build=False)\n"
"""Opens a board without hardware, which says and does what it is told."""


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree with a fake board."""
    (tmp_path / "pyproject.toml").write_text("[tool.hil]\n")
    (tmp_path / "boards").mkdir()
    (tmp_path / "flash.bin").touch()
    text = BOARD.format(features="", boot_error="", boots_into="monitor", suites="")
    (tmp_path / "boards" / "fake.yaml").write_text(text.replace("flash.bin", "../flash.bin"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def started(tree: Path, script: str) -> subprocess.Popen[str]:
    (tree / "script.py").write_text(textwrap.dedent(script))
    return subprocess.Popen(
        [sys.executable, "script.py"],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(tree: Path, script: str) -> tuple[int, str, str]:
    process = started(tree, script)
    out, err = process.communicate(timeout=SECONDS)
    return process.returncode, out, err


def record(tree: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((tree / "reports" / "scripts" / "latest" / "run.json").read_text())
    assert_valid(tree / "reports" / "scripts" / "latest")
    return found


def test_a_script_in_three_lines_leaves_a_whole_record(tree: Path) -> None:
    code, _, err = ended(tree, OPEN + "board.monitor.say(b'first\\n')")
    assert (code, err) == (0, "")
    found = record(tree)
    (case,) = found["cases"]
    assert (found["verdict"], case["id"], case["outcome"]) == ("passed", "script.py", "passed")
    assert "first" in case["console"][0]["text"]
    assert (tree / "reports" / "scripts" / "latest" / "junit.xml").is_file()
    assert not (tree / "reports" / "latest").exists()


@pytest.mark.parametrize(
    ("script", "code", "verdict", "kind"),
    [
        ("assert board.monitor is None", 1, "findings", "firmware"),
        ("board.monitor.fail('BoardDied', 'it died')", 1, "infrastructure", "infrastructure"),
        ("with board: 1 / 0", 1, "findings", "test"),
        ("raise SystemExit(3)", 3, "findings", "test"),
        ("raise KeyboardInterrupt", 1, "interrupted", "interrupted"),
    ],
)
def test_what_ends_a_script_decides_the_verdict(tree: Path, script: str, code: int, verdict: str, kind: str) -> None:
    if script.startswith("raise SystemExit"):
        script = f"with board: {script}"
    status, _, _ = ended(tree, OPEN + script)
    found = record(tree)
    (case,) = found["cases"]
    assert (found["verdict"], case["fault"]) == (verdict, kind)
    assert status in {code, -signal.SIGINT}


def test_an_error_at_a_prompt_ends_nothing(tree: Path) -> None:
    typed = OPEN + "1 / 0\nboard.monitor.say(b'still there')\n"
    process = subprocess.run(
        [sys.executable, "-i", "-q"],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        input=typed,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert "ZeroDivisionError" in process.stderr
    (case,) = record(tree)["cases"]
    assert (case["id"], case["outcome"]) == ("interactive", "passed")
    assert "still there" in case["console"][0]["text"]


def test_things_have_the_names_of_fixtures_and_stay_the_same_until_a_restart(tree: Path) -> None:
    assert tree.is_dir()
    with hil.connect("fake", build=False, record=False) as board:
        first = board.monitor
        assert board.monitor is first
        board.restart()
        assert board.monitor is not first
        with pytest.raises(UsageError, match="no state `linux`"):
            board.host  # noqa: B018
    with pytest.raises(UsageError, match="closed"):
        board.monitor  # noqa: B018
    board.close()
    for name in ("monitor", "service", "hypervisor", "host", "host_memory", "vm", "vtpm", "tpm", "guest"):
        assert isinstance(getattr(hil.Connection, name), property)


def test_a_board_that_is_not_there_is_named_with_the_nearest(tree: Path) -> None:
    assert tree.is_dir()
    with pytest.raises(UsageError, match="'fak'") as caught:
        hil.connect("fak")
    assert caught.value.context.hint == "fake"


def test_hardware_is_locked_while_a_script_has_it_and_free_afterwards(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hardware is what the lock knows of a board file: here, a port."""
    file = tree / "boards" / "fake.yaml"
    port = "    resources: {RawSerialPort: {port: /dev/ttyX}}\n    drivers:"
    file.write_text(file.read_text().replace("    drivers:", port).replace("options:", "options:\n  kind: board"))

    def is_free(board: BoardFile) -> bool:
        try:
            with held(board):
                return True
        except BoardUnavailable:
            return False

    board_file = Tree(tree).board("fake")
    monkeypatch.setattr("hil.session.connection.connect_places", lambda _: None)
    assert is_free(board_file)
    with hil.connect("fake", build=False, record=False):
        assert not is_free(board_file)
    assert is_free(board_file)


@pytest.fixture
def emulated(tree: Path) -> Path:
    """A tree with the board `qemu-virt`, and those that its file names."""
    build("qemu-virt")
    (tree / "build").symlink_to(ROOT / "build")
    for file in (ROOT / "boards").glob("qemu-virt*.yaml"):
        (tree / "boards" / file.name).write_text(file.read_text())
    return tree


REAL = """
import os, signal, sys, hil
signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a measurement of coverage has a handler of its own
board = hil.connect("qemu-virt", build=False)
board.monitor
print(board.board.strategy.board.emulator.pid, flush=True)
"""


@pytest.mark.emulator
@pytest.mark.parametrize(
    ("ending", "verdict"),
    [
        ("print(board.tpm.random(8).hex())", "passed"),
        ("1 / 0", "findings"),
        ("os.kill(os.getpid(), signal.SIGTERM)", "interrupted"),
        ("os.kill(os.getpid(), signal.SIGINT)", "interrupted"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "running"),
    ],
)
def test_no_script_leaves_an_emulator(emulated: Path, ending: str, verdict: str) -> None:
    _, out, err = ended(emulated, REAL + ending)
    assert out, err
    gone_by = time.monotonic() + 10
    while psutil.pid_exists(int(out.split()[0])) and time.monotonic() < gone_by:
        os.sched_yield()
    assert not psutil.pid_exists(int(out.split()[0]))
    found = json.loads((emulated / "reports" / "scripts" / "latest" / "run.json").read_text())
    assert found["verdict"] == verdict, err


@pytest.mark.emulator
def test_two_boards_are_open_in_one_process(emulated: Path) -> None:
    """Two emulators of the same file, used in turns, each with its own TPM."""
    assert emulated.is_dir()
    with hil.connect("qemu-virt", build=False, record=False) as one:
        with hil.connect("qemu-virt", build=False, record=False) as other:
            assert one.tpm.random(16) != other.tpm.random(16)
            one.board.off()
            assert len(other.tpm.random(16)) == 16
        with pytest.raises(UsageError):
            other.monitor  # noqa: B018
