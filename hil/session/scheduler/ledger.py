"""What has run, and with which outcome: each test of a board counts once, whatever becomes of its seats."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hil.record import Attempt, Case, Fault, FaultKind, Outcome
from hil.record.case import BLOCKED
from hil.record.run import ago

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hil.errors import HilError
    from hil.lab.seat import Seat
    from hil.record import Run
    from hil.session.scheduler.progress import Progress


class Ledger:
    """Keeps `run` and `progress` up to date.

    A test that could not be carried out, for a fault of board or lab, may run again `retries` times.
    """

    def __init__(self, run: Run, progress: Progress, retries: int) -> None:
        self._run = run
        self._progress = progress
        self._retries = retries
        self._places: dict[str, str] = {}
        self._ended: set[tuple[str, str]] = set()
        self._began: dict[tuple[str, str], str] = {}
        self._spoiled: dict[tuple[str, str], list[Case]] = {}
        self._blocking: dict[str, Fault] = {}

    def sit(self, seat: Seat, place: str) -> None:
        """Note on which place of a lab the tests of a seat run; empty when it is in none."""
        self._places[seat.name] = place

    def plan(self, board: str, ids: Iterable[str]) -> None:
        """Note what is meant to run."""
        known = list(ids)
        self._run.plan(known, board=board)
        self._progress.plan(board, known)

    def begin(self, seat: Seat, id: str) -> None:
        """Note that a test starts."""
        self._began[seat.board, id] = ago(0)
        self._run.begin(id, board=seat.board, seat=seat.name)
        self._progress.seat(seat.name, id)

    def end(self, seat: Seat, case: Case) -> bool:
        """Take a test that has ended; returns whether it is to run again.

        What cannot be collected is reported by every seat, and counts once.
        """
        key = (seat.board, case.id)
        if key in self._ended:
            return False
        where = (("place", place),) if (place := self._places.get(seat.name)) else ()
        case = replace(case, properties=(*case.properties, *where)).at(seat.board, seat.name)
        spoiled = self._spoiled.setdefault(key, [])
        if _not_carried_out(case) and len(spoiled) < self._retries:
            spoiled.append(case)
            self._run.retry(case.id, case.attempts[-1])
            return True
        self._add(case)
        return False

    def lose(self, seat: Seat, running: str, fault: Fault) -> bool:
        """Blame the loss of a seat on the test that it ran; returns whether that is to run again."""
        if fault.kind is not FaultKind.INTERRUPTED:
            self.block(seat, replace(fault, message=f"not run, the board failed before: {fault.message}", details=""))
        if running:
            faults = (replace(fault, phase="call"),)
            lost = Attempt(1, Outcome.ERROR, self._began[seat.board, running], faults=faults)
            return self.end(seat, Case.of(running, [lost]))
        if fault.kind is not FaultKind.INTERRUPTED:
            self.fault(seat.board, fault)
            self._progress.seat(seat.name, fault.message)
        return False

    def fault(self, board: str, fault: Fault) -> None:
        """Take something that went wrong outside of every test."""
        self._run.add_fault(replace(fault, board=board))

    def block(self, seat: Seat, fault: Fault) -> None:
        """Note why a seat cannot go on: what all others leave was not run for this."""
        self._blocking[seat.board] = replace(fault, phase="setup")

    def forfeit(self, board: str, ids: Iterable[str], *, stopped: bool) -> None:
        """Report what no seat was left for, or how it went before; when the run was `stopped` no board is to blame."""
        for id in ids:
            if spoiled := self._spoiled.get((board, id)):
                self._add(spoiled.pop())
            elif (fault := self._blocking.get(board)) and not stopped:
                self._add(Case(id, Outcome.ERROR, reason=BLOCKED, faults=(fault,), board=board))

    def _add(self, case: Case) -> None:
        key = (case.board, case.id)
        self._ended.add(key)
        if spoiled := self._spoiled.get(key):
            case = case.after(attempt for earlier in spoiled for attempt in earlier.attempts)
        self._run.add(case)
        self._progress.case(case)


def fault_of(error: HilError) -> Fault:
    """Return what a test or a board failed for, as the record has it."""
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
