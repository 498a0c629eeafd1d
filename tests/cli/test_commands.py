"""Mistakes get a message and an exit code, never a traceback; programs get JSON."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from hil import cli
from hil.errors import BoardDied, ExitCode
from hil.lab.address import LabAddress
from hil.lab.client import PlaceStatus
from hil.record import BoardOfRun, Case, Fault, FaultKind, Outcome, Provenance, Run
from hil.session.tree import Tree
from tests.cli.checkout import BOARD

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.checkout import Checkout


def hil(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run the command line in this process; returns its exit code."""
    monkeypatch.setattr("sys.argv", ["hil", *arguments])
    with pytest.raises(SystemExit) as left:
        cli.main()
    return int(left.value.code or 0)


def test_boards_as_json_say_what_they_are_and_how_they_fared(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reports = checkout.path / "reports"
    Run(reports, BoardOfRun("fake-board", Provenance())).finish(ExitCode.PASSED)
    newest = Run(reports, BoardOfRun("fake-board", Provenance())).finish(ExitCode.FINDINGS)
    Run(reports, BoardOfRun("fake-board-two", Provenance())).finish(ExitCode.PASSED)
    assert hil(monkeypatch, "boards", "--json") == 0
    (board,) = json.loads(capsys.readouterr().out)
    assert board["name"] == "fake-board"
    assert board["features"] == {"secure_space": "unprotected"}
    assert board["built"] == ""
    assert board["last_run"]["verdict"] == newest.verdict
    assert board["places"] == []
    assert board["trouble"] is None


def test_boards_for_people_are_a_table(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout.path / "boards" / "other.yaml").write_text(BOARD)
    assert hil(monkeypatch, "boards") == 0
    out = capsys.readouterr().out
    assert "fake-board" in out
    assert "other" in out
    assert "never" in out


def test_a_board_that_cannot_be_had_is_shown_with_the_reason(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = checkout.path / "boards" / "fake-board.yaml"
    path.write_text(BOARD.replace("    drivers:", "    resources: {RawSerialPort: {port: /dev/no-such}}\n    drivers:"))
    assert hil(monkeypatch, "boards") == 0
    out = capsys.readouterr().out
    assert "unavailable" in out
    assert "there is no serial port /dev/no-such" in out


def test_boards_of_the_lab_are_shown_place_by_place(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout.path / "boards" / "fake-board.yaml").write_text(BOARD.replace("kind: emulator", "kind: board"))
    places = [
        PlaceStatus("fake-1", {"board": "fake-board"}, "leased", "joe", "good", ""),
        PlaceStatus("fake-2", {"board": "fake-board"}, "out of the pool", "", "sick", "silent after power-on"),
        PlaceStatus("other-1", {"board": "other"}, "free", "", "good", ""),
    ]
    monkeypatch.setattr("hil.cli.lab.find", lambda _: LabAddress("lab.example"))
    monkeypatch.setattr("hil.lab.client.status", lambda _: places)
    assert hil(monkeypatch, "boards") == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines() if "fake-board" in line]
    assert [row[2] for row in rows] == ["fake-1", "fake-2"]
    assert "joe" in rows[0]
    assert "silent after power-on" in " ".join(rows[1])


def test_a_run_that_was_killed_is_not_shown_as_running(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Run(checkout.path / "reports", BoardOfRun("fake-board", Provenance()))
    assert hil(monkeypatch, "boards") == 0
    assert f"running   process {os.getpid()}" in capsys.readouterr().out
    record = run.path / "run.json"
    record.write_text(record.read_text().replace(f'"process": {os.getpid()}', '"process": 0'))
    assert hil(monkeypatch, "boards") == 0
    assert "killed" in capsys.readouterr().out


def test_the_last_run_of_a_board_among_others_is_what_happened_on_it(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Run(checkout.path / "reports", BoardOfRun("fake-board", Provenance()), BoardOfRun("other", Provenance()))
    lost = Fault(FaultKind.INFRASTRUCTURE, "call", "BoardDied", "gone")
    run.add(Case("suites/a.py::test", Outcome.PASSED, board="fake-board"))
    run.add(Case("suites/a.py::test", Outcome.ERROR, faults=(lost,), board="other"))
    run.finish(ExitCode.INFRASTRUCTURE)
    assert hil(monkeypatch, "boards", "--json") == 0
    (board,) = json.loads(capsys.readouterr().out)
    assert board["last_run"]["verdict"] == "passed"


def test_a_broken_board_file_is_named(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout.path / "boards" / "fake-board.yaml").write_text("targets: [")
    assert hil(monkeypatch, "boards") == 2
    assert "fake-board.yaml:1:11: is not YAML" in capsys.readouterr().err


def test_board_files_are_checked_line_by_line(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout.path / "boards" / "other.yaml").write_text(BOARD.replace("boot_error", "boot_eror"))
    assert hil(monkeypatch, "boards", "--check") == 2
    good, bad = capsys.readouterr().out.splitlines()
    assert good == "boards/fake-board.yaml: good"
    assert bad.startswith(
        "boards/other.yaml:7:9: unknown key `targets.main.drivers.FakeStrategy.boot_eror`; did you mean"
    )
    assert hil(monkeypatch, "boards", "--check", "--json", "boards/other.yaml") == 2
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["file"], found["line"], found["column"]) == ("boards/other.yaml", 7, 9)
    assert hil(monkeypatch, "boards", "--check", "fake-board") == 0


def test_the_keys_of_board_files_are_told_with_their_meaning(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert hil(monkeypatch, "boards", "--keys", "--json") == 0
    keys = json.loads(capsys.readouterr().out)
    assert {"file", "target", "entry", "options", "features", "HilQEMUDriver", "BoardStrategy"} <= keys.keys()
    assert hil(monkeypatch, "boards", "--keys") == 0
    assert "number of processors" in capsys.readouterr().out


def test_outside_of_a_tree_commands_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert hil(monkeypatch, "boards") == 2
    assert "is not inside a tree" in capsys.readouterr().err


@pytest.mark.usefixtures("checkout")
def test_a_console_without_a_terminal_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert hil(monkeypatch, "console", "fake-board", "--no-build") == 2
    assert "needs a terminal" in capsys.readouterr().err


def test_an_unknown_platform_is_refused_with_the_known_ones(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert hil(monkeypatch, "build", "--platform", "toaster") == 2
    assert "qemu-virt" in capsys.readouterr().err


@pytest.mark.usefixtures("checkout")
def test_debug_shows_where_an_error_came_from(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert hil(monkeypatch, "--debug", "run", "--board", "nosuch") == 2
    assert "Traceback" in capsys.readouterr().err


def test_an_infrastructure_error_of_a_command_has_its_own_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Tree, "here", _fails(BoardDied("gone", stage="firmware", hint="reset it")))
    assert hil(monkeypatch, "boards") == 3
    assert capsys.readouterr().err == "error: gone\n  stage: firmware\n  try: reset it\n"


@pytest.mark.parametrize("mistake", [KeyError("ours"), EOFError("ours")], ids=repr)
def test_a_mistake_of_ours_is_no_finding(monkeypatch: pytest.MonkeyPatch, mistake: Exception) -> None:
    monkeypatch.setattr(Tree, "here", _fails(mistake))
    assert hil(monkeypatch, "boards") == 3


def test_an_interruption_is_no_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Tree, "here", _fails(KeyboardInterrupt()))
    assert hil(monkeypatch, "boards") == 2


@pytest.mark.parametrize("command", ["run", "build", "boards", "console", "doctor", "bench", "firmware"])
def test_every_command_has_help_with_an_example(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert hil(monkeypatch, command, "--help") == 0
    assert f"hil {command}" in capsys.readouterr().out


def _fails(error: BaseException) -> classmethod[object, [], object]:
    def fail(_: object) -> object:
        raise error

    return classmethod(fail)
