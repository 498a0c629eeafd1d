"""Tests are spread over boards of one kind: each runs once, and a lost board loses only the test that it ran."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

from hil.record import Outcome

if TYPE_CHECKING:
    from tests.session.scheduler.boards import Boards

TWO = ("run", "--board", "bare", "-n", "2")

MEETING = """
def test_first(monitor):
    open("fifo", "w").close()  # blocks until the other one has come
def test_second(monitor):
    open("fifo").close()
"""


def test_boards_of_one_kind_run_different_tests_at_the_same_time(boards: Boards) -> None:
    boards.suite(MEETING)
    os.mkfifo(boards.path / "fifo")
    done = boards.hil(*TWO)
    assert done.returncode == 0, done.stdout
    assert sorted(case.seat for case in boards.record.cases) == ["bare-1", "bare-2"]
    assert {case.board for case in boards.record.cases} == {"bare"}
    assert len(boards.junit) == 2


def test_tests_that_share_a_fixture_stay_together(boards: Boards) -> None:
    boards.suite(
        """
        @pytest.fixture(scope="class")
        def shared(board): pass

        class TestA:
            def test_1(self, shared): pass
            def test_2(self, shared): pass
        class TestB:
            def test_1(self, shared): pass
            def test_2(self, shared): pass
        """
    )
    assert boards.hil(*TWO).returncode == 0
    seats = {case.name: case.seat for case in boards.record.cases}
    assert len(seats) == 4
    for name in ("TestA", "TestB"):
        assert seats[f"{name}.test_1"] == seats[f"{name}.test_2"]


def test_what_a_lost_board_had_not_begun_runs_elsewhere_and_nothing_runs_twice(boards: Boards) -> None:
    boards.suite(
        """
        import os, signal

        @pytest.fixture(autouse=True)
        def note(monitor, request):
            with open("notes", "a") as notes:
                print(request.node.name, file=notes)

        class TestGroup:
            @pytest.fixture(autouse=True, scope="class")
            def shared(self, board): pass
            def test_fine(self): pass
            def test_killed(self): os.kill(os.getpid(), signal.SIGKILL)
            @pytest.mark.parametrize("n", range(3))
            def test_next(self, n): pass
        """
    )
    done = boards.hil(*TWO)
    assert done.returncode == 3
    ran = Counter((boards.path / "notes").read_text().splitlines())
    assert set(ran.values()) == {1}
    assert len(ran) == 5
    outcomes = {case.name: case.outcome for case in boards.record.cases}
    assert outcomes.pop("TestGroup.test_killed") is Outcome.ERROR
    assert set(outcomes.values()) == {Outcome.PASSED}
    seats = {case.name: case.seat for case in boards.record.cases}
    assert seats["TestGroup.test_next[0]"] != seats["TestGroup.test_killed"]


def test_a_board_that_breaks_leaves_the_rest_to_the_others(boards: Boards) -> None:
    boards.suite(
        """
        def test_breaks(board, monitor):
            board.strategy.boot_error = "BoardSilent"
            board.fork()
        @pytest.mark.parametrize("n", range(6))
        def test_next(monitor, n): pass
        """
    )
    done = boards.hil(*TWO)
    assert done.returncode == 3
    cases = boards.cases()
    assert cases.pop("test_breaks").outcome is Outcome.ERROR
    assert {case.outcome for case in cases.values()} == {Outcome.PASSED}


def test_each_board_runs_all_tests_when_asked_to(boards: Boards) -> None:
    boards.suite("def test_a(monitor): pass")
    assert boards.hil(*TWO, "--each").returncode == 0
    assert boards.junit == [
        ("bare-1.suites.subject.test_subject", "test_a"),
        ("bare-2.suites.subject.test_subject", "test_a"),
    ]


def test_more_boards_than_there_are_is_the_users_mistake(boards: Boards) -> None:
    done = boards.hil("run", "--board", "bare", "-n", "1000")
    assert done.returncode == 2
    assert "there are no 1000 boards 'bare': at most" in done.stderr
