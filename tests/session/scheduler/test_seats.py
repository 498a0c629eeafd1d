"""A seat is let go of whatever happens, and its board is not touched once its lease is gone."""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from hil.board.drivers.alarm import Alarm
from hil.errors import BoardDied, InfrastructureError
from hil.record import Outcome, Verdict
from hil.session.scheduler.run import run_on

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from hil.deadline import Deadline
    from hil.record import Record
    from tests.session.scheduler.boards import Boards

BREAKS_ONCE = """
import os
def test_a(board, monitor):
    with open("attempts", "a") as attempts:
        print(os.getpid(), file=attempts)
    if len(open("attempts").readlines()) == 1:
        board.strategy.boot_error = "BoardSilent"
        board.fork()
def test_b(monitor): pass
"""

WAITS = """
import signal
def test_a(board, monitor):
    open("fifo", "w").close()
    signal.sigtimedwait([], 600)
def test_b(monitor): pass
"""


@dataclass
class LeasedSeat:
    """A board whose owner may refuse it, or take it away."""

    board_file: Path
    name: str = "lab-1"
    board: str = "lab"
    emulated: bool = False
    hardware: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    refusal: InfrastructureError | None = None
    busy: Callable[[], None] | None = None
    lease: Alarm = field(default_factory=Alarm)
    cancelled: threading.Event = field(default_factory=threading.Event)
    blamed: str = ""
    released: int = 0

    def acquire(self, deadline: Deadline) -> None:
        assert not deadline.expired
        if self.busy:
            self.busy()
            assert self.cancelled.wait(deadline.remaining)
            raise InfrastructureError("the board did not become free")
        if self.refusal:
            raise self.refusal

    def cancel(self) -> None:
        self.cancelled.set()

    def blame(self, reason: str) -> None:
        self.blamed = reason

    def release(self) -> None:
        self.released += 1


@dataclass
class OrderedSeat(LeasedSeat):
    """A seat that writes down when it is used."""

    def acquire(self, deadline: Deadline) -> None:
        super().acquire(deadline)
        self._note("+")

    def release(self) -> None:
        super().release()
        self._note("-")

    def _note(self, what: str) -> None:
        with (self.board_file.parents[1] / "order").open("a") as order:
            print(f"{self.name}{what}", file=order)


@pytest.fixture
def seat(boards: Boards) -> LeasedSeat:
    return LeasedSeat(boards.path / "boards" / "bare.yaml")


def run(boards: Boards, *seats: LeasedSeat, retries: int = 0) -> Record:
    arguments = ["--rootdir", str(boards.path), "suites"]
    with (boards.path / "said").open("w") as said:
        return run_on(seats, boards.path, arguments, Console(file=said), retries=retries)


def test_a_seat_is_released_once_after_its_last_test(boards: Boards, seat: LeasedSeat) -> None:
    seat.environment = {"LG_PLACE": "rack-3"}
    record = run(boards, seat)
    assert record.verdict is Verdict.PASSED
    assert seat.released == 1
    assert record.cases[0].properties == (("place", "rack-3"),)


def test_a_board_that_cannot_be_had_is_named_with_the_reason(boards: Boards, seat: LeasedSeat) -> None:
    seat.refusal = InfrastructureError("rpi4-1 belongs to joe", hint="ask joe")
    record = run(boards, seat)
    assert record.verdict is Verdict.INFRASTRUCTURE
    assert [(fault.board, fault.message, fault.hint) for fault in record.faults] == [
        ("lab", "rpi4-1 belongs to joe", "ask joe")
    ]
    assert seat.released == 0
    assert "rpi4-1 belongs to joe" in (boards.path / "said").read_text()


@pytest.mark.timeout(60)  # a process that nobody kills waits ten minutes
def test_a_lost_lease_kills_the_process_before_it_can_touch_the_board(boards: Boards, seat: LeasedSeat) -> None:
    boards.suite(WAITS)
    os.mkfifo(boards.path / "fifo")

    def take_away() -> None:
        (boards.path / "fifo").open().close()
        seat.lease.ring(lambda: BoardDied("somebody kicked us from lab-1"))

    attacker = threading.Thread(target=take_away)
    attacker.start()
    record = run(boards, seat)
    attacker.join()
    cut, following = record.cases
    assert cut.faults[0].message == "somebody kicked us from lab-1"
    assert following.outcome is Outcome.ERROR
    assert seat.released == 1
    log = next(boards.path.glob("reports/latest/lab-1/monitor.log"))
    assert "power off" not in log.read_text()


def test_the_tests_of_a_lost_board_go_to_another_one(boards: Boards, seat: LeasedSeat) -> None:
    other = LeasedSeat(seat.board_file, name="lab-2", refusal=InfrastructureError("lab-2 is gone"))
    record = run(boards, other, seat)
    assert record.verdict is Verdict.INFRASTRUCTURE
    assert [case.outcome for case in record.cases] == [Outcome.PASSED]


@pytest.mark.parametrize("number", [1, 2])
def test_a_test_that_failed_for_its_board_runs_again_on_a_fresh_one(
    boards: Boards, seat: LeasedSeat, number: int
) -> None:
    boards.suite(BREAKS_ONCE)
    seats = [seat, *(LeasedSeat(seat.board_file, name=f"lab-{n}") for n in range(2, number + 1))]
    record = run(boards, *seats, retries=1)
    assert record.verdict is not Verdict.INFRASTRUCTURE
    assert sorted(case.name for case in record.cases) == ["test_a", "test_b"]
    assert not any(case.outcome is Outcome.ERROR for case in record.cases)
    processes = (boards.path / "attempts").read_text().split()
    assert len(set(processes)) == 2
    assert sum("the boot went wrong" in seat.blamed for seat in seats) == 1


def test_a_test_that_fails_for_its_board_each_time_is_an_error(boards: Boards, seat: LeasedSeat) -> None:
    boards.suite(BREAKS_ONCE.replace("== 1", ""))
    record = run(boards, seat, retries=2)
    assert record.verdict is Verdict.INFRASTRUCTURE
    assert len((boards.path / "attempts").read_text().split()) == 3
    assert [case.outcome for case in record.cases if case.name == "test_a"] == [Outcome.ERROR]


def test_an_interruption_ends_the_wait_for_a_board(boards: Boards, seat: LeasedSeat) -> None:
    seat.busy = lambda: os.kill(os.getpid(), signal.SIGINT)
    assert run(boards, seat).verdict is Verdict.INTERRUPTED
    assert seat.released == 0


def test_nobody_waits_for_a_board_that_has_nothing_left_to_run(boards: Boards, seat: LeasedSeat) -> None:
    busy = LeasedSeat(seat.board_file, name="lab-2", busy=lambda: None)
    record = run(boards, busy, seat)
    assert record.verdict is Verdict.PASSED
    assert [case.seat for case in record.cases] == ["lab-1"]


def test_boards_that_are_one_piece_of_hardware_run_one_after_the_other(boards: Boards) -> None:
    seats = [
        OrderedSeat(boards.path / "boards" / f"{name}.yaml", name=name, board=name, hardware="rpi4")
        for name in ("bare", "linux")
    ]
    record = run(boards, *seats)
    assert record.verdict is Verdict.PASSED
    assert {case.board for case in record.cases} == {"bare", "linux"}
    assert (boards.path / "order").read_text().split() == ["bare+", "bare-", "linux+", "linux-"]
