"""The results of a run: each test of a board counts once, whatever becomes of its seats."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from hil.record import Attempt, Case, Fault, FaultKind, Outcome
from hil.record.case import BLOCKED
from hil.record.step import ago

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hil.errors import HilError
    from hil.lab.seat import Seat
    from hil.record import Run
    from hil.session.scheduler.progress import RunProgress


class Results:
    """Writes results to `run` and `progress`.

    A test that ended with a fault of board or lab, and no finding, may run again `retries` times. Until it has its last
    attempt nothing is written of it but the attempts, since its outcome is not known.
    """

    def __init__(self, run: Run, progress: RunProgress, retries: int) -> None:
        self._run = run
        self._progress = progress
        self._retries = retries
        self._places: dict[str, str] = {}
        self._ended: set[tuple[str, str]] = set()
        self._began: dict[tuple[str, str], str] = {}
        self._earlier: dict[tuple[str, str], list[Case]] = {}
        self._blocking: dict[str, Fault] = {}

    def set_place(self, seat: Seat, place: str) -> None:
        """Note the place of the lab that a seat has leased, empty for a local board."""
        self._places[seat.name] = place

    def plan(self, board: str, ids: Iterable[str]) -> None:
        """Note the tests that are to run."""
        known = list(ids)
        self._run.plan(known, board=board)
        self._progress.plan(board, known)

    def begin(self, seat: Seat, id: str) -> None:
        """Note that a test starts."""
        self._began[seat.board, id] = ago(0)
        self._run.begin(id, board=seat.board, seat=seat.name)
        self._progress.seat(seat.name, id)

    def end(self, seat: Seat, case: Case) -> bool:
        """Record a test that has ended; returns whether it is to run again.

        A file that cannot be collected is reported by every seat, and counts once.
        """
        key = (seat.board, case.id)
        if key in self._ended:
            return False
        where = (("place", place),) if (place := self._places.get(seat.name)) else ()
        case = replace(case, properties=(*case.properties, *where)).at(seat.board, seat.name)
        earlier = self._earlier.setdefault(key, [])
        if _not_carried_out(case) and len(earlier) < self._retries:
            earlier.append(case)
            self._run.retry(case.id, case.attempts[-1])
            return True
        self._add(case)
        return False

    def lose(self, seat: Seat, running: str, fault: Fault) -> bool:
        """Record the loss of a seat as the fault of the test that it ran; returns whether the test is to run again."""
        if fault.kind is not FaultKind.INTERRUPTED:
            self.block(seat, replace(fault, message=f"not run, the board failed before: {fault.message}", details=""))
        if running:
            faults = (replace(fault, phase="call"),)
            lost = Attempt(1, Outcome.ERROR, self._began[seat.board, running], faults=faults)
            return self.end(seat, Case.from_attempts(running, [lost]))
        if fault.kind is not FaultKind.INTERRUPTED:
            self.fault(seat.board, fault)
            self._progress.seat(seat.name, fault.message)
        return False

    def fault(self, board: str, fault: Fault) -> None:
        """Record a fault outside of every test."""
        self._run.add_fault(replace(fault, board=board))

    def block(self, seat: Seat, fault: Fault) -> None:
        """Note why a seat cannot go on. It is the reason for each test that no other seat runs either."""
        self._blocking[seat.board] = replace(fault, phase="setup")

    def report_not_run(self, board: str, ids: Iterable[str], *, stopped: bool) -> None:
        """Record the tests that no seat was left for: with their last attempt, or else as blocked by the board's fault.

        If the run was `stopped` no board is to blame, and tests without an attempt are left out.
        """
        for id in ids:
            if earlier := self._earlier.get((board, id)):
                self._add(earlier.pop())
            elif (fault := self._blocking.get(board)) and not stopped:
                self._add(Case(id, Outcome.ERROR, reason=BLOCKED, faults=(fault,), board=board))

    def _add(self, case: Case) -> None:
        key = (case.board, case.id)
        self._ended.add(key)
        if earlier := self._earlier.get(key):
            case = case.after(attempt for before in earlier for attempt in before.attempts)
        self._run.add(case)
        self._progress.case(case)


def fault_of(error: HilError) -> Fault:
    """Return an error as a fault of the record."""
    return Fault(
        kind=FaultKind(error.fault),
        phase="",
        type=type(error).__name__,
        message=error.message.partition("\n")[0],
        details=str(error),
        stage=error.context.stage,
        hint=error.context.hint,
    )


def _not_carried_out(case: Case) -> bool:
    kinds = {fault.kind for fault in case.faults}
    return case.outcome is Outcome.ERROR and kinds == {FaultKind.INFRASTRUCTURE} and case.reason != BLOCKED
