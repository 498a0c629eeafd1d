"""A test that runs again, on its board or on another one, is one case with all its attempts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.record import FaultKind, Outcome, Verdict
from tests.record.schema import assert_valid
from tests.session.scheduler.boards import BOTH

if TYPE_CHECKING:
    from tests.session.scheduler.boards import Boards

SUITE = """
import os, signal
from pathlib import Path

def nth(board, name):
    with Path(f"{board.name}.{name}").open("a+") as file:
        file.write("x")
        file.flush()
        file.seek(0)
        return len(file.read())

def test_flaky(monitor, board):
    number = nth(board, "flaky")
    monitor.say(b"run %d\\n" % number)
    assert number == 2, "not yet"

def test_killed(monitor, board):
    if nth(board, "killed") == 1:
        os.kill(os.getpid(), signal.SIGKILL)

def test_good(monitor): pass
"""


def test_attempts_of_a_test_are_one_flaky_case_whoever_made_them(boards: Boards) -> None:
    boards.suite(SUITE)
    done = boards.hil(*BOTH, "--retry", "infra=1,flaky=1", "--fail-on-flaky")
    assert done.returncode == 1, done.stdout + done.stderr
    record = boards.record
    assert_valid(boards.path / "reports" / "latest")
    assert record.verdict is Verdict.FLAKY
    assert (record.counts.flaky, record.counts.passed, record.counts.total) == (4, 2, 6)
    for board in ("bare", "linux"):
        cases = boards.cases(board)
        assert [attempt.fault for attempt in cases["test_flaky"].attempts] == [FaultKind.FIRMWARE, None]
        assert [attempt.fault for attempt in cases["test_killed"].attempts] == [FaultKind.INFRASTRUCTURE, None]
        assert [attempt.number for attempt in cases["test_killed"].attempts] == [1, 2]
        assert all(attempt.started and attempt.board == board for attempt in cases["test_killed"].attempts)
        assert "run 2" in cases["test_flaky"].console[0].text
    assert "2 boards: flaky (exit code 1)" in done.stdout


def test_a_test_that_loses_every_board_keeps_the_exit_code_of_that(boards: Boards) -> None:
    boards.suite(SUITE.replace("== 1:", ">= 1:"))
    done = boards.hil(*BOTH, "--retry", "infra=1,flaky=1")
    assert done.returncode == 3
    killed = boards.cases()["test_killed"]
    assert killed.outcome is Outcome.ERROR
    assert [attempt.fault for attempt in killed.attempts] == [FaultKind.INFRASTRUCTURE] * 2
    assert boards.cases()["test_good"].outcome is Outcome.PASSED


def test_a_mistaken_option_is_told_before_anything_runs(boards: Boards) -> None:
    done = boards.hil(*BOTH, "--retry", "sometimes")
    assert done.returncode == 2
    assert "--retry cannot be 'sometimes'" in done.stderr
    assert not (boards.path / "reports").exists()


def test_tests_in_quarantine_do_not_decide_on_any_board_and_a_mistake_there_is_told_first(boards: Boards) -> None:
    boards.suite("def test_good(monitor): pass\ndef test_bad(monitor): assert False, 'wrong level'")
    entry = '[[quarantine]]\ntest = "*::test_bad"\nowner = "ann"\nreason = "known"\nexpires = 2999-01-01\n'
    file = boards.path / "boards" / "quarantine.toml"
    file.write_text(entry + 'board = "bare"\n')
    done = boards.hil(*BOTH)
    assert done.returncode == 1
    assert "linux  suites/subject/test_subject.py::test_bad failed: wrong level" in done.stdout
    assert "bare   suites/subject/test_subject.py::test_bad failed" not in done.stdout
    assert "bare: suites/subject/test_subject.py::test_bad: in quarantine, failed 1 of 1 (ann: known)" in done.stdout
    file.write_text(entry.replace("2999", "2020"))
    done = boards.hil(*BOTH)
    assert done.returncode == 2
    assert "quarantine.toml:1: *::test_bad: expired on 2020-01-01" in done.stderr
    assert "waiting" not in done.stdout
