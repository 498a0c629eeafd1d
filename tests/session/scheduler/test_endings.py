"""However a run on several boards ends, its record is whole, and nothing of it goes on."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from hil.deadline import Deadline
from hil.errors import ExitCode
from hil.record import FaultKind, Outcome, Verdict
from hil.report.index import word
from tests.session.scheduler.boards import BOTH

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from tests.session.scheduler.boards import Boards

WAITING = """
import os, signal

def test_done(monitor): pass
def test_cut(monitor, board):
    signal.signal(signal.SIGTERM, {on_sigterm})
    with open(f"{{board.name}}.fifo", "w") as fifo:
        print(os.getpid(), file=fifo)
    signal.sigtimedwait([], 600)
def test_never(monitor): pass
"""
BOARDS = ("bare", "linux")


def test_a_killed_process_costs_its_test_and_nothing_else(boards: Boards) -> None:
    boards.suite(
        """
        import os, signal
        def test_done(monitor): pass
        def test_killed(monitor, board):
            if board.name == "bare":
                os.kill(os.getpid(), signal.SIGKILL)
        def test_next(monitor): pass
        """
    )
    done = boards.hil(*BOTH)
    assert done.returncode == 3
    cases = boards.cases()
    fault = cases["test_killed"].faults[0]
    assert fault.message == "the process that drives the board was killed by SIGKILL"
    assert fault.kind is FaultKind.INFRASTRUCTURE
    assert [cases[name].outcome for name in ("test_done", "test_next")] == [Outcome.PASSED, Outcome.PASSED]
    assert {case.outcome for case in boards.cases("linux").values()} == {Outcome.PASSED}
    assert len(boards.junit) == 6


def test_a_process_that_is_killed_again_and_again_is_given_up(boards: Boards) -> None:
    boards.suite(
        """
        import os, signal
        @pytest.mark.parametrize("n", range(6))
        def test_killed(monitor, n): os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    done = boards.hil(*BOTH)
    assert done.returncode == 3
    faults = [boards.cases()[f"test_killed[{n}]"].faults[0].message for n in range(6)]
    assert faults[3] == "the process that drives the board was killed by SIGKILL"
    assert all(fault.startswith("not run, the board failed before: the process") for fault in faults[4:])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_ends_well_on_all_boards(boards: Boards, number: signal.Signals) -> None:
    boards.suite(WAITING.format(on_sigterm="signal.getsignal(signal.SIGTERM)"))
    with _waiting(boards) as (run, _):
        run.send_signal(number)
        said, _ = run.communicate(timeout=300)
    assert run.returncode == 2, said
    assert boards.record.verdict is Verdict.INTERRUPTED
    for board in BOARDS:
        cases = boards.cases(board)
        assert cases["test_done"].outcome is Outcome.PASSED
        assert cases["test_cut"].faults[0].kind is FaultKind.INTERRUPTED
        assert cases["test_never"].reason == "not run: the run ended before it"
        log = boards.path / "reports" / "latest" / board / "monitor.log"
        assert log.read_text().rstrip().endswith("# power off")


def test_a_killed_run_takes_its_processes_with_it_and_leaves_what_it_knew(boards: Boards) -> None:
    boards.suite(WAITING.format(on_sigterm="signal.getsignal(signal.SIGTERM)"))
    with _waiting(boards) as (run, pids):
        processes = [os.pidfd_open(pid) for pid in pids]
        _await_begun(boards, "test_cut")
        run.kill()
        for process in processes:
            assert select.select([process], [], [], 300)[0]
            os.close(process)
    record = boards.record
    assert (record.verdict, record.exit_code) == (Verdict.KILLED, ExitCode.INFRASTRUCTURE)
    for board in BOARDS:
        assert {name: word(case) for name, case in boards.cases(board).items()} == {
            "test_done": "passed",
            "test_cut": "infrastructure",
            "test_never": "not-run",
        }
    assert not (boards.path / "reports" / "latest" / "junit.xml").exists()
    for board in BOARDS:
        log = boards.path / "reports" / "latest" / board / "monitor.log"
        assert log.read_text().rstrip().endswith("# power off")


def _await_begun(boards: Boards, test: str) -> None:
    """Wait until the record says of each board that it has begun a test: the news comes after the test itself."""
    events = boards.path / "reports" / "latest" / "events.jsonl"
    deadline = Deadline.after(60)
    while sum('"case-started"' in line and test in line for line in events.read_text().splitlines()) < len(BOARDS):
        assert not deadline.expired
        time.sleep(0.02)


def test_a_second_interruption_ends_a_run_that_does_not_end(boards: Boards) -> None:
    boards.suite(WAITING.format(on_sigterm="signal.SIG_IGN"))
    with _waiting(boards) as (run, _):
        run.send_signal(signal.SIGINT)
        run.send_signal(signal.SIGTERM)
        said, _ = run.communicate(timeout=300)
    assert run.returncode == 2, said
    for board in BOARDS:
        assert boards.cases(board)["test_cut"].faults[0].kind is FaultKind.INTERRUPTED
    ElementTree.parse(boards.path / "reports" / "latest" / "junit.xml")


@contextlib.contextmanager
def _waiting(boards: Boards) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """A run on both boards in which both processes, whose ids are returned, are in the test that is to be cut."""
    fifos = []
    for board in BOARDS:
        os.mkfifo(boards.path / f"{board}.fifo")
        fifos.append(os.open(boards.path / f"{board}.fifo", os.O_RDONLY | os.O_NONBLOCK))
    with boards.start(*BOTH) as run:
        try:
            pids = []
            for fifo in fifos:
                assert select.select([fifo], [], [], 300)[0]
                pids.append(int(os.read(fifo, 100)))
                os.close(fifo)
            yield run, pids
        finally:
            run.kill()
