"""What boards have counted becomes one report: for people, for programs, and for lcov's readers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from hil import coverage
from hil.board.file.boardfile import BoardFile
from hil.coverage import report
from hil.coverage.board import counting
from hil.coverage.image import InstrumentedImage
from hil.coverage.meter import Gained
from hil.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from hil.coverage.notes import Notes

RUN_FILE = "run.json"
FILE = "firmware/service/core/counted.c"


class _Image:
    def __init__(self, notes: Notes) -> None:
        self.notes = (notes,)


@pytest.fixture
def run(tmp_path: Path, notes: Notes, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run on two boards: one called `twice` three times, the other one four times, and lost one machine."""
    monkeypatch.setattr(InstrumentedImage, "read", lambda _directory: _Image(notes))
    (tmp_path / RUN_FILE).write_text("{}")
    for seat, calls, lost in (("board-1", 3, 0), ("board-2", 4, 1)):
        counts = [
            calls if function.name == "twice" else 0 for function in notes.functions for _ in range(function.counters)
        ]
        Gained(counts, machines=2, ends_lost=lost).write(tmp_path / seat / coverage.COUNTERS_FILE, notes.path.parent)
    coverage.conclude(tmp_path)
    return tmp_path


def test_boards_are_merged_and_their_counters_go(run: Path, lines: list[str]) -> None:
    (file,) = json.loads((run / coverage.JSON_FILE).read_text())["files"]
    assert file["path"] == FILE
    assert file["counts"][str(lines.index("\treturn 2 * number;"))] == 7
    assert {function["name"]: function["calls"] for function in file["functions"]} == {
        "twice": 7,
        "chosen": 0,
        "never": 0,
    }
    assert not list(run.glob(f"*/{coverage.COUNTERS_FILE}"))


def test_the_summary_says_how_much_ran_and_what_was_lost(run: Path) -> None:
    summary = coverage.Summary.from_run(run)
    assert summary is not None
    assert (summary.machines, summary.ends_lost) == (4, 1)
    share = f"{100 * summary.covered / summary.lines:.1f}"
    assert str(summary) == (
        f"coverage of firmware/service: {summary.covered} of {summary.lines} lines ({share} %); "
        "1 of 4 machines ended before they were counted"
    )


def test_the_trace_file_says_the_same_as_the_json(run: Path) -> None:
    (file,) = json.loads((run / coverage.JSON_FILE).read_text())["files"]
    trace = (run / report.LCOV_FILE).read_text().splitlines()
    assert trace[:2] == ["TN:", f"SF:{FILE}"]
    assert trace[-1] == "end_of_record"
    assert {f"DA:{number},{count}" for number, count in file["counts"].items()} < set(trace)
    assert {f"LF:{file['lines']}", f"LH:{file['covered']}", "FNDA:7,twice", "FNF:3", "FNH:1"} < set(trace)


def test_both_files_are_attached_to_the_record(run: Path) -> None:
    assert json.loads((run / RUN_FILE).read_text())["attachments"] == ["coverage.info", "coverage.json"]


def test_runs_are_added_up_line_by_line(run: Path, tmp_path: Path, lines: list[str]) -> None:
    target = tmp_path / "together"
    target.mkdir()
    assert report.add_up([run, target, run], target) == (coverage.JSON_FILE, report.LCOV_FILE)
    once, twice = (coverage.Summary.from_run(directory) for directory in (run, target))
    assert once
    assert twice
    assert (twice.lines, twice.covered) == (once.lines, once.covered)
    assert (twice.machines, twice.ends_lost) == (2 * once.machines, 2 * once.ends_lost)
    (file,) = json.loads((target / coverage.JSON_FILE).read_text())["files"]
    assert file["counts"][str(lines.index("\treturn 2 * number;"))] == 14
    assert {"name": "twice", "line": lines.index("static int twice(int number)"), "calls": 14} in file["functions"]


def test_runs_that_did_not_count_add_up_to_nothing(tmp_path: Path) -> None:
    assert report.add_up([tmp_path], tmp_path) == ()


def test_a_run_that_did_not_count_has_no_coverage(tmp_path: Path) -> None:
    coverage.conclude(tmp_path)
    assert coverage.Summary.from_run(tmp_path) is None
    assert not list(tmp_path.iterdir())


def test_the_board_file_for_counting_leads_to_the_other_build_and_nowhere_else(tmp_path: Path) -> None:
    board = tmp_path / "boards" / "a.yaml"
    board.parent.mkdir()
    board.write_text(
        "images: {flash: ../build/x/flash.bin, tree: ../firmware/x.dts}\n"
        "targets: {main: {drivers: [SSHDriver: {keyfile: ../build/x/linux/keys/user, port: !template $LG_PORT}]}}\n"
    )
    (board.parent / "neighbour.yaml").write_text("imports: [own.py, hil.drivers]\n")
    derived = counting(BoardFile.read(board))
    build = tmp_path / "build" / "coverage" / "x"
    assert derived.path == tmp_path / "build" / "coverage" / "boards" / "a.yaml"
    assert derived.images == {"flash": build / "flash.bin", "tree": tmp_path / "firmware" / "x.dts"}
    assert derived.drivers[0].attributes == {"keyfile": str(build / "linux" / "keys" / "user"), "port": "$LG_PORT"}
    assert "port: !template '$LG_PORT'" in derived.path.read_text()
    assert f"- {board.parent}/own.py\n- hil.drivers\n" in derived.path.with_name("neighbour.yaml").read_text()


def test_a_board_without_firmware_of_this_tree_cannot_count(tmp_path: Path) -> None:
    board = tmp_path / "a.yaml"
    board.write_text("images: {flash: elsewhere/flash.bin}\n")
    with pytest.raises(UsageError, match="so none whose service could count"):
        counting(BoardFile.read(board))
