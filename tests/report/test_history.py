"""The history tells how tests ended, which of them cannot be relied on, and since when they fail."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from hil.report.grid import grid
from hil.report.history import RUNS_COMPARED, TestHistory, history, last_runs, usual_stages_of, usual_times_of
from hil.report.index import INDEX_FILE, indexed
from tests.report.runs import FILE, Lab, case

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def only(lab: Lab) -> TestHistory:
    (test,) = history(lab.reports, 20).tests
    return test


def name_of(path: Path) -> str:
    run = indexed(path)
    assert run
    return run.name


def ran(lab: Lab, *outcomes: str) -> list[Path]:
    return [lab.run(case("test_a", outcome)) for outcome in outcomes]


def shown(lab: Lab, *, width: int = 200, everything: bool = False) -> list[str]:
    console = Console(width=width, highlight=False, soft_wrap=True)
    with console.capture() as output:
        console.print(grid(history(lab.reports, 100), width=width, everything=everything))
    return [line.rstrip() for line in output.get().splitlines()]


def test_each_run_is_a_column_and_the_newest_is_the_last(lab: Lab) -> None:
    ran(lab, "passed", "failed", "skipped")
    lab.run(case("test_b", "passed"))
    tests = {test.id: test for test in history(lab.reports, 20).tests}
    words = [moment.word if moment else None for moment in tests[f"{FILE}::test_a"].moments]
    assert words == ["passed", "failed", "skipped", None]


def test_only_the_last_runs_are_looked_at(lab: Lab) -> None:
    paths = ran(lab, "failed", "passed", "passed")
    assert [run.id for run in history(lab.reports, 2).runs] == [path.name for path in paths[1:]]


def test_a_test_that_changes_its_mind_on_the_same_firmware_is_flaky(lab: Lab) -> None:
    ran(lab, "passed", "failed", "passed", "passed")
    test = only(lab)
    assert (test.flips, test.attempts, test.flake_rate) == (2, 4, 0.5)


def test_each_attempt_of_a_retried_test_counts(lab: Lab) -> None:
    ran(lab, "passed", "flaky")
    test = only(lab)
    assert (test.flips, test.attempts) == (2, 3)


def test_a_bug_and_its_repair_are_no_flakiness(lab: Lab) -> None:
    ran(lab, "passed")
    lab.firmware = "b" * 64
    ran(lab, "failed", "failed")
    lab.commit = "d" * 40
    ran(lab, "passed")
    assert only(lab).flips == 0


def test_a_lost_board_says_nothing_about_the_test(lab: Lab) -> None:
    ran(lab, "passed", "lost", "passed")
    test = only(lab)
    assert (test.flips, test.attempts, test.since) == (0, 2, None)


def test_it_says_since_which_run_and_firmware_a_test_fails(lab: Lab) -> None:
    good = ran(lab, "failed", "passed")[1]
    lab.firmware = "b" * 64
    first = ran(lab, "failed", "lost", "failed")[0]
    since = only(lab).since
    assert since
    assert (since.run, since.firmware_hash, since.before) == (first.name, "b" * 64, good.name)


def test_a_failure_older_than_all_runs_says_so(lab: Lab) -> None:
    ran(lab, "failed", "failed")
    since = only(lab).since
    assert since
    assert since.before == ""
    assert any("or before" in line for line in shown(lab))


def test_boards_are_kept_apart(lab: Lab) -> None:
    lab.run(case("test_a", "passed"), case("test_a", "failed", board="juno"))
    assert [(test.board, bool(test.since)) for test in history(lab.reports, 9).tests] == [
        ("juno", True),
        ("rpi4", False),
    ]
    assert [test.board for test in history(lab.reports, 9, board="rpi4").tests] == ["rpi4"]


@pytest.mark.parametrize("wanted", ["test_a[1-x]", f"{FILE}::test_a[1-x]", "suites/*::test_a*", "*x]"])
def test_tests_are_found_by_a_part_of_their_name_or_a_glob(lab: Lab, wanted: str) -> None:
    lab.run(case("test_a[1-x]", "passed"), case("test_b", "passed"))
    assert [test.id for test in history(lab.reports, 9, tests=wanted).tests] == [f"{FILE}::test_a[1-x]"]


def test_the_index_is_read_instead_of_the_record_until_that_changes(lab: Lab) -> None:
    (path,) = ran(lab, "passed")
    assert indexed(path)
    kept = json.loads((path / INDEX_FILE).read_text())
    kept["run"][1] = "from the index"
    (path / INDEX_FILE).write_text(json.dumps(kept))
    assert name_of(path) == "from the index"
    content = (path / "run.json").read_bytes()
    (path / "new.json").write_bytes(content)
    status = (path / "run.json").stat()
    os.utime(path / "new.json", ns=(status.st_atime_ns, status.st_mtime_ns))
    (path / "new.json").replace(path / "run.json")
    assert name_of(path) == "rpi4"


@pytest.mark.parametrize("torn", [b"", b"{", b"[]", b'{"made_of": 1}'])
def test_a_broken_index_is_made_anew(lab: Lab, torn: bytes) -> None:
    (path,) = ran(lab, "passed")
    (path / INDEX_FILE).write_bytes(torn)
    assert indexed(path)


def test_an_index_of_another_shape_is_made_anew(lab: Lab) -> None:
    (path,) = ran(lab, "passed")
    first = indexed(path)
    kept = json.loads((path / INDEX_FILE).read_text())
    shapes: tuple[object, ...] = ([], {"id": 1}, kept["run"][:-1])
    for run in shapes:
        (path / INDEX_FILE).write_text(json.dumps({**kept, "run": run}))
        assert indexed(path) in {first, None}
    (path / INDEX_FILE).unlink()
    assert indexed(path) == first


def test_a_run_that_goes_on_is_followed(lab: Lab) -> None:
    path = lab.run(case("test_a", "passed"), finished=False)
    assert len(history(lab.reports, 9).tests) == 1
    with (path / "events.jsonl").open("a") as events:
        line = (path / "events.jsonl").read_text().splitlines()[-1]
        events.write(line.replace("test_a", "test_b") + "\n")
    assert len(history(lab.reports, 9).tests) == 2


def test_broken_records_are_counted_and_spoil_nothing(lab: Lab) -> None:
    broken, good = ran(lab, "failed", "passed")
    (broken / "run.json").write_text("{")
    (broken / "events.jsonl").write_text("")
    found = history(lab.reports, 9)
    assert ([run.id for run in found.runs], found.unread) == ([good.name], 1)


def test_what_passed_says_what_is_usual(lab: Lab) -> None:
    for seconds in (1.0, 5.0, 2.0):
        lab.stages = {"monitor": seconds}
        newest = lab.run(case("test_a", "passed", seconds=seconds), case("test_b", "failed", seconds=99))
    times = usual_times_of(last_runs(lab.reports, 9)[0])
    assert list(times) == [("rpi4", f"{FILE}::test_a")]
    usual = times["rpi4", f"{FILE}::test_a"]
    assert (usual.median, usual.least, usual.most, usual.runs) == (2.0, 1.0, 5.0, 3)
    assert usual_stages_of(last_runs(lab.reports, 9, before=newest.name)[0])["rpi4", "monitor"].median == 3.0


def test_runs_of_other_tests_push_nothing_out_of_sight(lab: Lab) -> None:
    for seconds in (1.0, *[3.0] * RUNS_COMPARED):
        lab.run(case("test_a", "passed", seconds=seconds))
    for _ in range(RUNS_COMPARED):
        lab.run(case("test_b", "passed"))
    usual = usual_times_of(last_runs(lab.reports, 99)[0])["rpi4", f"{FILE}::test_a"]
    assert (usual.runs, usual.least) == (RUNS_COMPARED, 3.0)


def test_the_grid_shows_what_is_bad_and_counts_the_rest(lab: Lab) -> None:
    for outcome in ("passed", "failed", "failed"):
        lab.run(case("test_a", outcome), case("test_b", "passed"))
    lines = shown(lab)
    assert any(line.startswith(".FF") and line.endswith(f"{FILE}::test_a") for line in lines)
    assert not any("test_b" in line for line in lines)
    assert "never failed: 1 more" in lines
    assert any("test_b" in line for line in shown(lab, everything=True))


def test_the_grid_fits_a_narrow_terminal(lab: Lab) -> None:
    for outcome in ("passed", "failed") * 20:
        lab.run(case("test_with_a_name_that_is_rather_long", outcome))
    lines = shown(lab, width=80)
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith("10 of 40 runs")
    assert any(line.endswith("rather_long") for line in lines)


def test_there_is_nothing_to_show_without_runs(lab: Lab) -> None:
    assert shown(lab) == ["no run to show"]


def test_a_folder_that_cannot_be_written_is_read_all_the_same(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    (path,) = ran(lab, "passed")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("hil.report.index.write_atomically", refuse)
    assert indexed(path)
    assert not (path / INDEX_FILE).exists()


def test_a_copied_run_is_indexed_anew(lab: Lab, tmp_path: Path) -> None:
    (path,) = ran(lab, "passed")
    first = indexed(path)
    copied = shutil.copytree(path, tmp_path / "elsewhere" / path.name)
    assert indexed(copied) == first
