"""One board, one run: a second one is refused, whoever starts it, and a run that was killed holds nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hil.board.file.boardfile import BoardFile
from hil.board.flash import FlashMemory, Payload
from hil.errors import BoardUnavailable, ExitCode, UsageError
from hil.lab.boards.hold import hold, holder, runner
from hil.record import BoardOfRun, Provenance, Run, load

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HOLDER = """
import sys
from pathlib import Path
from hil.board.file.boardfile import BoardFile
from hil.lab.boards.hold import hold
with hold(BoardFile.read(Path(sys.argv[1]))):
    print("holding", flush=True)
    sys.stdin.read()
"""
FLASHER = """
import sys
from pathlib import Path
from hil.board.file.boardfile import BoardFile
from hil.board.flash import FlashMemory, Payload
memory = FlashMemory.of_board(BoardFile.read(Path(sys.argv[1])))
with memory.exclusive():
    began = memory.begin(Payload(()), "a card")
    if "whole" in sys.argv:
        memory.finish(began, Payload(()))
"""
POWER = {"NetworkPowerPort": {"model": "rest", "host": "http://pdu/{index}", "index": 3}}
SERIAL = {"RawSerialPort": {"name": "monitor", "port": "/dev/ttyUSB7", "speed": 115200}}
CARD = {"USBSDMuxDevice": {"match": {"ID_SERIAL_SHORT": "000000001205"}}}


def board(directory: Path, name: str, *resources: Mapping[str, Any], options: Mapping[str, Any] | None = None) -> Path:
    """Write a board file that names these resources."""
    path = directory / f"{name}.yaml"
    content = {"options": {"kind": "board", **(options or {})}, "targets": {"main": {"resources": [*resources]}}}
    path.write_text(json.dumps(content))
    return path


@contextmanager
def another_run(file: Path, *prefix: str) -> Iterator[subprocess.Popen[bytes]]:
    """Have another process hold a board."""
    command = [*prefix, sys.executable, "-c", HOLDER, str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout
        assert other.stdout.readline() == b"holding\n"
        yield other
        other.kill()


@pytest.fixture
def somebody_else() -> tuple[str, ...]:
    """The beginning of a command that another user runs, who may read everything: this checkout may be in /root."""
    if os.getuid() != 0:
        pytest.skip("only root can be somebody else")
    reads = [f"--{kind}-caps=+dac_read_search" for kind in ("inh", "ambient")]
    return ("setpriv", "--reuid", "4242", "--regid", "4242", "--clear-groups", *reads)


@pytest.fixture
def everybodys(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory that every user can read, with locks and notes in `devices` below a directory like /var/tmp."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o1777)
        monkeypatch.setenv("HIL_DEVICES", str(directory / "devices"))
        yield directory


def test_a_board_that_another_run_drives_is_refused_until_that_run_is_gone(tmp_path: Path) -> None:
    pi = BoardFile.read(board(tmp_path, "pi", POWER, SERIAL))
    juno = BoardFile.read(board(tmp_path, "juno", CARD))
    with another_run(pi.path) as other:
        with pytest.raises(BoardUnavailable, match=rf"pi cannot be used: .* as pi \(process {other.pid}\)"), hold(pi):
            pass
        assert f"process {other.pid}" in holder(pi)
        with hold(juno):
            pass
    assert holder(pi) == ""
    with hold(pi):
        pass


@pytest.mark.parametrize("shared", [POWER, SERIAL, CARD], ids=lambda part: next(iter(part)))
def test_another_board_file_that_names_the_same_hardware_is_refused(tmp_path: Path, shared: Mapping[str, Any]) -> None:
    mine = {"RawSerialPort": {"name": "uart0", "port": "/dev/ttyUSB8", "speed": 9600}}
    other = BoardFile.read(board(tmp_path, "my-own-name", mine, shared))
    with hold(BoardFile.read(board(tmp_path, "pi", POWER, SERIAL, CARD))):
        with pytest.raises(BoardUnavailable, match=r"my-own-name cannot be used: .* as pi"), hold(other):
            pass
        with hold(BoardFile.read(board(tmp_path, "third", mine))):
            pass


def test_a_link_to_a_serial_port_is_that_port(tmp_path: Path) -> None:
    (tmp_path / "ttyUSB7").touch()
    (tmp_path / "by-id").symlink_to(tmp_path / "ttyUSB7")
    files = [
        board(tmp_path, name, {"RawSerialPort": {"name": "uart", "port": str(tmp_path / name)}})
        for name in ("ttyUSB7", "by-id")
    ]
    first, second = map(BoardFile.read, files)
    with hold(first), pytest.raises(BoardUnavailable), hold(second):
        pass


def test_another_users_run_is_refused_with_who_it_is(everybodys: Path, somebody_else: tuple[str, ...]) -> None:
    pi = BoardFile.read(board(everybodys, "pi", POWER))
    with hold(pi):
        pass  # root has made the lock
    with another_run(pi.path, *somebody_else), pytest.raises(BoardUnavailable, match="is in use by 4242"), hold(pi):
        pass
    with hold(pi):
        refused = subprocess.run(
            [*somebody_else, sys.executable, "-c", HOLDER, str(pi.path)],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
    assert f"(process {os.getpid()})" in refused.stderr


def test_what_one_user_has_flashed_the_other_knows(everybodys: Path, somebody_else: tuple[str, ...]) -> None:
    mine, theirs = (board(everybodys, name, CARD, POWER) for name in ("pi", "their-pi"))
    memory = FlashMemory.of_board(BoardFile.read(mine))
    flash = [*somebody_else, sys.executable, "-c", FLASHER, str(theirs)]
    subprocess.run([*flash, "whole"], check=True)
    assert (state := memory.read())
    assert state.holds(Payload(()), "a card")
    with memory.exclusive():
        memory.finish(memory.begin(Payload(()), "a card"), Payload(()))
    subprocess.run(flash, check=True)
    assert (state := memory.read())
    assert not state.clean, "their flash was interrupted"


def test_a_directory_that_cannot_be_written_is_the_users_mistake(
    everybodys: Path, somebody_else: tuple[str, ...]
) -> None:
    (everybodys / "devices").mkdir(0o700)
    pi = board(everybodys, "pi", POWER)
    refused = subprocess.run([*somebody_else, sys.executable, "-c", HOLDER, str(pi)], capture_output=True, text=True)
    assert f"{UsageError.__name__}: cannot lock NetworkPowerPort" in refused.stderr
    assert "try: set HIL_DEVICES" in refused.stderr


def test_who_runs_on_a_board_is_known_from_its_record_while_that_process_lives(tmp_path: Path) -> None:
    program = (
        "from pathlib import Path; from hil.record import *; import sys;"
        "Run(Path(sys.argv[1]), BoardOfRun('rpi4', Provenance())); print('running', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout
        assert other.stdout.readline() == b"running\n"
        assert runner(load(tmp_path / "latest-rpi4")) == f"process {other.pid}"
        other.kill()
    assert runner(load(tmp_path / "latest-rpi4")) == ""


def test_a_finished_run_has_no_runner(tmp_path: Path) -> None:
    assert runner(Run(tmp_path, BoardOfRun("rpi4", Provenance())).finish(ExitCode.PASSED)) == ""
    assert runner(None) == ""
