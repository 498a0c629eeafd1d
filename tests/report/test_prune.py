"""Old runs are removed, and never those that somebody counts on."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from hil.errors import ExitCode, UsageError
from hil.record import BoardOfRun, Case, Outcome, Provenance, Run, load
from hil.report.history import last_runs
from hil.report.prune import Limits, parse_age, parse_size, remove, surplus
from hil.report.runs import Runs

if TYPE_CHECKING:
    from pathlib import Path


def run(reports: Path, board: str = "rpi4", label: str = "", *, finished: bool = True) -> Path:
    made = Run(reports, BoardOfRun(board, Provenance()), label=label)
    made.add(Case("suites/a.py::test_a", Outcome.PASSED))
    if finished:
        made.finish(ExitCode.PASSED)
    return made.path


def doomed(reports: Path, limits: Limits, label: str = "") -> list[Path]:
    return [found.path for found in surplus(reports, limits, label=label)]


def test_the_oldest_runs_go_first(tmp_path: Path) -> None:
    runs = [run(tmp_path) for _ in range(5)]
    assert doomed(tmp_path, Limits(number=2)) == runs[:3]
    one = surplus(tmp_path, Limits(number=4))[0].size
    assert doomed(tmp_path, Limits(size=one * 2 + one // 2)) == runs[:3]
    assert doomed(tmp_path, Limits(size=one * 99)) == []


def test_what_is_old_goes_and_the_latest_of_each_board_stays(tmp_path: Path) -> None:
    runs = [run(tmp_path), run(tmp_path), run(tmp_path, "juno"), run(tmp_path, "juno")]
    began = datetime.fromisoformat(load(runs[-1]).started)
    assert surplus(tmp_path, Limits(age=timedelta(days=1)), now=began + timedelta(hours=1)) == []
    found = surplus(tmp_path, Limits(age=timedelta(days=1)), now=began + timedelta(days=2))
    assert [old.path for old in found] == [runs[0], runs[2]]


def test_a_label_protects_unless_it_is_named(tmp_path: Path) -> None:
    nightly = [run(tmp_path, label="nightly") for _ in range(3)]
    others = [run(tmp_path) for _ in range(3)]
    assert doomed(tmp_path, Limits(number=0)) == others[:2]
    assert doomed(tmp_path, Limits(number=2), "nightly") == nightly[:1]


def test_a_run_that_goes_on_stays(tmp_path: Path) -> None:
    going_on = run(tmp_path, finished=False)
    run(tmp_path)
    run(tmp_path)
    assert going_on not in doomed(tmp_path, Limits(number=0))


def test_what_is_removed_is_gone_from_every_list(tmp_path: Path) -> None:
    runs = [run(tmp_path) for _ in range(3)]
    remove(surplus(tmp_path, Limits(number=1)))
    assert Runs(tmp_path).paths() == runs[2:]
    assert not [left for left in tmp_path.iterdir() if left.name.startswith(".removed")]


def test_a_run_of_one_test_is_not_the_latest_of_the_night(tmp_path: Path) -> None:
    first, second = run(tmp_path, label="nightly"), run(tmp_path, label="nightly")
    other = run(tmp_path)
    runs = Runs(tmp_path)
    assert (runs.find("latest"), runs.find("latest-rpi4")) == (other, other)
    assert (runs.find("latest-nightly"), runs.find("latest-nightly~1")) == (second, first)
    found, _ = last_runs(tmp_path, 9, label="nightly")
    assert [one.id for one in found] == [first.name, second.name]


@pytest.mark.parametrize("label", ["rpi4", "a/b", ".hidden", "", "x" * 41])
def test_a_label_is_a_name_of_its_own(tmp_path: Path, label: str) -> None:
    if not label:
        assert not load(run(tmp_path)).label
        return
    with pytest.raises(UsageError, match="label"):
        run(tmp_path, label=label)
    assert not [*tmp_path.iterdir()]


def test_ages_and_sizes_have_units() -> None:
    assert (parse_age("12h"), parse_age("2w")) == (timedelta(hours=12), timedelta(days=14))
    assert (parse_size("500M"), parse_size("2GB"), parse_size("7")) == (500 * 1024**2, 2 * 1024**3, 7)
    for wrong in ("", "30", "d", "-1d", "1y"):
        with pytest.raises(UsageError):
            parse_age(wrong)
    for wrong in ("", "M", "-1M", "1X"):
        with pytest.raises(UsageError):
            parse_size(wrong)
