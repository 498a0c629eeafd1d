"""One board, one run: a second one is refused, and a run that was killed holds nothing."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from hil.errors import BoardUnavailable, ExitCode
from hil.lab.boards.hold import hold, runner
from hil.record import BoardOfRun, Provenance, Run, load

if TYPE_CHECKING:
    from pathlib import Path

HOLDER = """
import sys
from hil.lab.boards.hold import hold
with hold("rpi4"):
    print("holding", flush=True)
    sys.stdin.read()
"""


def test_a_board_that_another_run_drives_is_refused_until_that_run_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with subprocess.Popen([sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout
        assert other.stdout.readline() == b"holding\n"
        with pytest.raises(BoardUnavailable, match="rpi4 is in use by another run"), hold("rpi4"):
            pass
        with hold("juno"):
            pass
        other.kill()
    with hold("rpi4"):
        pass


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
