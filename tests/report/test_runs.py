"""A run is found by what people call it, and what is none is said to be none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.errors import ExitCode, UsageError
from hil.record import BoardOfRun, Provenance, Run
from hil.report.runs import Runs

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    """Four runs, oldest first: two boards in turns."""
    found = []
    for board in ("rpi4", "juno", "rpi4", "juno"):
        run = Run(tmp_path, BoardOfRun(board, Provenance()))
        run.finish(ExitCode.PASSED)
        found.append(run.path)
    return found


def test_latest_counts_back_over_all_runs_or_those_of_a_board(tmp_path: Path, paths: list[Path]) -> None:
    runs = Runs(tmp_path)
    assert [runs.find(name) for name in ("latest", "latest~1", "latest~3")] == [paths[3], paths[2], paths[0]]
    assert [runs.find(name) for name in ("latest-rpi4", "latest-rpi4~1")] == [paths[2], paths[0]]


def test_an_id_its_end_and_a_path_name_a_run(tmp_path: Path, paths: list[Path]) -> None:
    runs = Runs(tmp_path)
    wanted = paths[1]
    for name in (wanted.name, wanted.name[:-3], wanted.name.rpartition("-")[2], str(wanted)):
        assert runs.find(name) == wanted


def test_a_run_that_died_before_its_first_file_was_whole_is_a_run(tmp_path: Path, paths: list[Path]) -> None:
    (paths[0] / "run.json").unlink()
    assert Runs(tmp_path).find(paths[0].name) == paths[0]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("latest~4", "older than the oldest run"),
        ("latest-rpi4~2", "older than the oldest run"),
        ("latest-rpi5", "no run on rpi5"),
        ("20", "any of 4 runs"),
        ("lastest", "there is no run 'lastest'"),
        ("", "there is no run ''"),
    ],
)
def test_what_is_no_run_is_said(tmp_path: Path, paths: list[Path], name: str, message: str) -> None:
    assert len(paths) == 4
    with pytest.raises(UsageError, match=message):
        Runs(tmp_path).find(name)


def test_the_nearest_name_is_offered(tmp_path: Path, paths: list[Path]) -> None:
    assert len(paths) == 4
    with pytest.raises(UsageError) as error:
        Runs(tmp_path).find("latest_rpi4")
    assert "latest-rpi4" in error.value.context.hint


def test_files_and_other_folders_are_no_runs(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(UsageError, match="is a file"):
        Runs(tmp_path).find(str(tmp_path / "notes.txt"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="holds no record"):
        Runs(tmp_path).find(str(tmp_path / "empty"))


def test_a_folder_without_runs_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no run") as error:
        Runs(tmp_path / "reports").find("latest")
    assert "hil run" in error.value.context.hint
