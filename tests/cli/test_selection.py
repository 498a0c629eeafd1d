"""What is misspelt is told before anything is built or recorded, with the nearest name; what selects nothing, too."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from hil.record import load

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.checkout import Checkout

RUN = ("run", "--board", "fake-board")
SUITE = "suites/subject/test_subject.py"
TESTS = """
import os
def test_quote(monitor): pass
@pytest.mark.element("E1")
@pytest.mark.parametrize("level", ["low", "high"])
def test_levels(monitor, level): pass
class TestMany:
    def test_inside(self, monitor): pass
"""


@pytest.fixture
def several(checkout: Checkout) -> Checkout:
    checkout.suite(TESTS)
    return checkout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["suites/subjekt"], "has no `subjekt`; did you mean `subject`?"),
        (["suites/subject/test_subjet.py"], "has no `test_subjet.py`; did you mean `test_subject.py`?"),
        (["suits/subject/test_subject.py"], "has no `suits`; did you mean `suites`?"),
        ([f"{SUITE}::test_qoute"], f"there is no test `test_qoute` in {SUITE}; did you mean `test_quote`?"),
        ([f"{SUITE}::TestMany::test_insde"], "did you mean `TestMany::test_inside`?"),
        ([f"{SUITE}::test_levels[hih]"], "did you mean `test_levels[high]`?"),
        (["--boad", "fake-board"], "there is no option --boad; did you mean `--board`?"),
        (["--maxfial=1"], "there is no option --maxfial; did you mean `--maxfail`?"),
        (["-m", "elment"], "-m names no marker: `elment`; did you mean `element`?"),
        (["-m", "not elment"], "-m names no marker: `elment`"),
        (["-k", "qoute"], "nothing has `qoute` in its name; did you mean `quote`?"),
        (["-k", "test_quote and TestMany"], "no test is selected by -k 'test_quote and TestMany'"),
    ],
)
def test_a_misspelt_selection_is_the_users_mistake_and_leaves_no_trace(
    several: Checkout, arguments: list[str], told: str
) -> None:
    done = several.hil(*RUN, *arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert not (several.path / "reports").exists()


def test_what_is_misspelt_costs_no_import_of_drivers(several: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPROFILEIMPORTTIME", "1")
    done = several.hil(*RUN, f"{SUITE}::test_qoute")
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "_pytest.main" in imported
    assert not imported & {"labgrid.driver", "hypothesis", "hil.firmware"}


def test_a_misspelt_need_is_told_with_its_place(several: Checkout) -> None:
    several.suite("@pytest.mark.needs_linxu\ndef test_a(monitor): pass\n@pytest.mark.need_linux\ndef test_b(): pass")
    done = several.hil(*RUN, "suites")
    assert done.returncode == 2
    assert f"{SUITE}:2: a marker names the unknown need linxu; try linux" in done.stderr
    several.suite("@pytest.mark.need_linux\ndef test_b(monitor): pass")
    done = several.hil(*RUN, "suites")
    assert f"{SUITE}:2: there is no marker need_linux; did you mean `needs_linux`?" in done.stderr
    assert not (several.path / "reports").exists()


def test_what_is_well_spelt_runs(several: Checkout) -> None:
    done = several.hil(*RUN, f"{SUITE}::test_levels[low]", "-m", "element", "-k", "LEVELS", "--maxfail=1", "-v")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


def test_a_selection_is_collected_without_the_board_and_without_a_file_for_it(several: Checkout) -> None:
    several.suite("assert not __import__('pathlib').Path('ran').exists()\ndef test_a(monitor): open('ran', 'w')")
    done = several.hil(*RUN, "suites", "--junitxml=theirs.xml", "-k", "nosuch")
    assert done.returncode == 2
    assert not (several.path / "theirs.xml").exists()
    assert not (several.path / "ran").exists()


def test_a_tree_without_boards_says_how_to_make_one(checkout: Checkout) -> None:
    shutil.rmtree(checkout.path / "boards")
    (checkout.path / "boards").mkdir()
    for command in (
        ("run",),
        ("run", "--board", "mine"),
        ("boards",),
        ("boards", "--json"),
        ("boards", "--check"),
        ("flash", "--board", "mine"),
        ("bringup", "--board", "mine"),
        ("console", "mine"),
    ):
        done = checkout.hil(*command)
        assert done.returncode == 2, (command, done.stdout + done.stderr)
        assert "there is no board in " in done.stderr
        assert "try: hil new board NAME" in done.stderr


def test_a_tree_without_suites_says_how_to_make_one(checkout: Checkout) -> None:
    shutil.rmtree(checkout.path / "suites")
    done = checkout.hil(*RUN)
    assert done.returncode == 2
    assert "hil new suite NAME" in done.stderr


def test_tests_outside_of_the_tree_run_alone_and_keep_their_paths(checkout: Checkout, tmp_path: Path) -> None:
    other = tmp_path.parent / f"{tmp_path.name}-elsewhere"
    (other / "more").mkdir(parents=True)
    for file in (other / "test_x.py", other / "more" / "test_y.py"):
        file.write_text("def test_good(monitor): pass\ndef test_bad(monitor):\n    assert 1 == 2\n")
    there = f"../{other.name}"
    done = checkout.hil(*RUN, there)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"{there}/test_x.py::test_bad: firmware" in done.stdout
    assert f"({there}/test_x.py:3)" in done.stdout
    record = load(checkout.path / "reports" / "latest")
    assert sorted(case.id for case in record.cases) == sorted(
        f"{there}/{file}::test_{name}" for file in ("more/test_y.py", "test_x.py") for name in ("good", "bad")
    )
    assert record.directory.startswith("reports/")
    root = ElementTree.parse(checkout.path / "reports" / "latest" / "junit.xml").getroot()
    classes = {case.get("classname") for case in root.iter("testcase")}
    assert classes == {f"fake-board.{other.name}.test_x", f"fake-board.{other.name}.more.test_y"}
    one = checkout.hil(*RUN, f"{there}/test_x.py::test_good", "-v")
    assert one.returncode == 0, one.stdout + one.stderr
    assert "1 passed" in one.stdout


def test_a_run_leaves_a_summary_in_markdown(several: Checkout) -> None:
    done = several.hil(*RUN, "--markdown", "summary.md", "suites")
    assert done.returncode == 0, done.stderr
    assert "### fake\\-board: passed" in (several.path / "summary.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "times"),
    [
        (["suites"], 1),
        ([SUITE, "-x"], 1),
        ([f"{SUITE}::test_quote"], 1),
        ([f"{SUITE}::TestMany::test_inside", "--hil-reports", "elsewhere"], 1),
        ([f"{SUITE}::test_levels[low]"], 2),
        (["suites", "-k", "quote"], 2),
        (["suites", "--maxfail=1"], 2),
    ],
)
def test_what_is_obviously_there_is_collected_once(several: Checkout, arguments: list[str], times: int) -> None:
    count_collections(several)
    done = several.hil(*RUN, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (several.path / "collected").read_text() == "x" * times


@pytest.mark.parametrize("marker", ["need_linux", "fails_without('linxu')", "own"])
def test_a_suite_whose_markers_may_be_wrong_is_collected_first(several: Checkout, marker: str) -> None:
    several.suite(f"@pytest.mark.{marker}\ndef test_a(monitor): pass")
    several.hil(*RUN, "suites")
    assert (several.path / "reports").exists() == (marker == "own")


def count_collections(tree: Checkout) -> None:
    """Have the tree note each collection of its tests."""
    with (tree.path / "conftest.py").open("a") as conftest:
        conftest.write("def pytest_collection_finish(session): open('collected', 'a').write('x')\n")
