"""Plain pytest, as an editor's test button calls it, takes a board or fails; it never skips all and looks green."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from hil.record import load
from tests.cli.checkout import BOARD, ROOT, Checkout

if TYPE_CHECKING:
    from pathlib import Path

SUITE = "suites/subject/test_subject.py"
HIL = "[tool.hil]\n"


@pytest.fixture
def tree(tmp_path: Path) -> Checkout:
    """A tree whose settings name a board."""
    tree = Checkout(tmp_path)
    tree.fill()
    (tmp_path / "conftest.py").unlink()
    (tmp_path / "pyproject.toml").write_text(f'{HIL}boards = ["fake-board"]\n')
    return tree


def run_pytest(tree: Checkout, *arguments: str, here: str = ".") -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "LG_ENV"}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:hypothesispytest", *arguments],
        cwd=tree.path / here,
        env={**environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(
    ("argument", "here"),
    [
        (f"{SUITE}::test_a", "."),
        ("test_subject.py::test_a", "suites/subject"),
        ("", "suites"),
        ("", "."),
        ("ABSOLUTE", "/"),
    ],
)
def test_plain_pytest_takes_the_board_of_the_settings(tree: Checkout, argument: str, here: str) -> None:
    absolute = str(tree.path / SUITE)
    done = run_pytest(tree, *([argument.replace("ABSOLUTE", absolute)] if argument else []), here=here)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
    record = load(tree.path / "reports" / "latest")
    assert [(case.id, case.board) for case in record.cases] == [(f"{SUITE}::test_a", "fake-board")]
    assert "[tool.hil]" in record.boards[0].why


def test_plain_pytest_holds_a_board_as_a_run_does(tree: Checkout) -> None:
    board = tree.path / "boards" / "fake-board.yaml"
    board.write_text(BOARD.replace("kind: emulator", "kind: board"))
    tree.suite(
        """
        import subprocess, sys
        def test_a(monitor):
            command = [sys.executable, "-m", "hil", "run", "--board", "fake-board"]
            other = subprocess.run(command, capture_output=True, text=True)
            assert other.returncode == 3, other.stdout + other.stderr
            assert "is in use by" in other.stderr
        """
    )
    done = run_pytest(tree, SUITE)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("settings", "code", "told"),
    [
        ('boards = ["nosuch"]\n', 3, "no board can be used: nosuch: there is no "),
        ('suites = "other"\n', 2, "this test needs a board, and none was named"),
    ],
)
def test_plain_pytest_without_a_board_fails(tree: Checkout, settings: str, code: int, told: str) -> None:
    (tree.path / "pyproject.toml").write_text(HIL + settings)
    done = run_pytest(tree, SUITE)
    assert done.returncode == code, done.stdout + done.stderr
    assert told in done.stdout + done.stderr
    assert "skipped" not in done.stdout


def test_plain_pytest_in_a_tree_without_boards_says_how_to_make_one(tree: Checkout) -> None:
    (tree.path / "boards" / "fake-board.yaml").unlink()
    done = run_pytest(tree, SUITE)
    assert done.returncode == 2
    assert "hil new board NAME" in done.stdout + done.stderr


def test_a_board_that_is_asked_for_in_the_middle_of_a_test_is_missed_as_well(tree: Checkout) -> None:
    (tree.path / "pyproject.toml").write_text(f'{HIL}suites = "other"\n')
    tree.suite('def test_a(request): request.getfixturevalue("monitor")')
    done = run_pytest(tree, SUITE)
    assert done.returncode == 2, done.stdout


@pytest.mark.parametrize("option", ["--collect-only", "--fixtures", "--markers"])
def test_pytest_that_only_tells_something_opens_no_board(tree: Checkout, option: str) -> None:
    done = run_pytest(tree, SUITE, option)
    assert done.returncode == 0
    assert not (tree.path / "reports").exists()


def test_a_lost_board_is_an_error_in_the_xml_of_pytest_itself_and_a_finding_a_failure(tree: Checkout) -> None:
    tree.suite(
        """
        def test_lost(monitor): monitor.fail("BoardDied", "gone")
        def test_wrong(): assert False, "wrong"
        """
    )
    done = run_pytest(tree, SUITE, "--junitxml=theirs.xml", "-k", "lost")
    assert done.returncode == 3, done.stdout
    (case,) = ElementTree.parse(tree.path / "theirs.xml").getroot().iter("testcase")
    kinds = [child.tag for child in case if child.tag != "properties"]
    assert kinds == ["error"]
    error = case.find("error")
    assert error is not None
    assert (error.get("message") or "").startswith("infrastructure: ")
    (suite,) = ElementTree.parse(tree.path / "theirs.xml").getroot().iter("testsuite")
    assert (suite.get("errors"), suite.get("failures")) == ("1", "0")
    run_pytest(tree, SUITE, "--junitxml=theirs.xml", "-k", "wrong")
    (case,) = ElementTree.parse(tree.path / "theirs.xml").getroot().iter("testcase")
    assert [child.tag for child in case if child.tag != "properties"] == ["failure"]


def test_no_reason_is_empty_anywhere(tree: Checkout) -> None:
    tree.suite(
        """
        @pytest.mark.skip(reason="")
        def test_empty(): pass
        def test_bare(): pytest.skip()
        @pytest.mark.xfail
        def test_xfail(): assert False
        @pytest.mark.xfail(run=False, reason=" ")
        def test_not_tried(): pass
        def test_blank(): pytest.xfail("")
        def test_good(): pass
        """
    )
    done = run_pytest(tree, SUITE, "--junitxml=theirs.xml", "-rsx")
    record = load(tree.path / "reports" / "latest")
    reasons = {case.name: case.reason for case in record.cases}
    assert reasons == {
        "test_empty": f"no reason is given ({SUITE}:3)",
        "test_bare": f"no reason is given ({SUITE}:5)",
        "test_xfail": f"expected to fail, for no reason that is given ({SUITE}:6)",
        "test_not_tried": f"[NOTRUN] expected to fail, for no reason that is given ({SUITE}:8)",
        "test_blank": f"expected to fail, for no reason that is given ({SUITE}:10)",
        "test_good": "",
    }
    assert f"1 (no reason is given ({SUITE}:3))" in done.stdout
    for name, reason in reasons.items():
        if reason:
            assert reason in (tree.path / "theirs.xml").read_text(), name
            assert reason in (tree.path / "reports" / "latest" / "junit.xml").read_text(), name
