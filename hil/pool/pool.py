"""One run on several boards: starts the seats, deals the tests, and writes the record of it all."""

from __future__ import annotations

import contextlib
import queue
import signal
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hil.deadline import Deadline
from hil.errors import ExitCode, HilError, InfrastructureError, RecordFailed
from hil.lab.errors import LeaseLost
from hil.pool.deal import Deal
from hil.pool.messages import (
    Begun,
    Broken,
    Done,
    End,
    Faulted,
    Finished,
    Happened,
    Opened,
    Planned,
    Ready,
    Retried,
    Staged,
    Start,
    Take,
)
from hil.pool.process import Acquired, Event, Gone, Lost, SeatProcess
from hil.record import Case, Fault, FaultKind, Outcome
from hil.record.case import BLOCKED
from hil.record.verdict import worst

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import FrameType

    from hil.pool.progress import Progress
    from hil.pool.seat import Seat
    from hil.record import Record, Run

PLAN_SECONDS = 300.0
"""From the start of a process until it knows its tests."""
LOSSES = 3
"""So often a seat whose board was taken away gets another one."""
LEAVE_SECONDS = 120.0
"""From the last test until the board is off and the process gone; after an interruption, too."""


@dataclass(frozen=True, slots=True)
class Interruption:
    """Somebody wants the run to end."""


class Pool:
    """Runs pytest with `arguments` at each of `seats`, a process each, and keeps `run` and `progress` up to date.

    The tests are dealt out to seats of the same board. At most `emulated` boards that are emulated run at once.
    """

    def __init__(
        self,
        run: Run,
        seats: Sequence[Seat],
        arguments: Sequence[str],
        progress: Progress,
        *,
        emulated: int,
    ) -> None:
        self._run = run
        self._arguments = arguments
        self._progress = progress
        self._emulated = emulated
        self._waiting = list(seats)
        self._deals = {seat.board: Deal() for seat in seats}
        self._blocking: dict[str, Fault] = {}
        self._active: dict[str, SeatProcess] = {}
        self._idle: list[SeatProcess] = []
        self._leaving: set[str] = set()
        self._limits: dict[str, Deadline] = {}
        self._acquiring: set[str] = set()
        self._places: dict[str, str] = {}
        self._again: set[str] = set()
        self._losses: Counter[str] = Counter()
        self._events: queue.SimpleQueue[tuple[SeatProcess, Event] | Interruption] = queue.SimpleQueue()
        self._codes: list[ExitCode] = []
        self._done: set[tuple[str, str]] = set()
        self._stopping = False
        self._interrupted = False

    def drive(self) -> Record:
        """Run to the end; Ctrl-C and SIGTERM end it well, a second one at once."""
        with self._signals():
            try:
                while self._waiting or self._active:
                    self._start_waiting()
                    self._next_event()
            finally:
                for process in self._active.values():
                    process.kill(InfrastructureError("the run failed"))
        for board, deal in self._deals.items():
            self._block(board, deal)
        if self._interrupted:
            self._run.add_fault(Fault(FaultKind.INTERRUPTED, "", "KeyboardInterrupt", "the run was interrupted"))
        code = max([*self._codes, worst(self._run.faults)])
        return self._run.finish(code, interrupted=self._interrupted)

    def _start_waiting(self) -> None:
        """Start as many seats as the machine can take."""
        if self._stopping:
            self._waiting.clear()
        for seat in list(self._waiting):
            running = sum(process.seat.emulated for process in self._active.values())
            if seat.emulated and running >= self._emulated:
                continue
            self._waiting.remove(seat)
            start = Start(self._run.path, seat.name, ("--lg-env", str(seat.board_file), *self._arguments))
            self._active[seat.name] = process = SeatProcess(seat, start, self._post)
            self._acquiring.add(seat.name)
            if not seat.emulated:
                self._progress.seat(seat.name, "waiting for the board")
            process.start()

    def _post(self, process: SeatProcess, event: Event) -> None:
        self._events.put((process, event))

    def _next_event(self) -> None:
        soonest = min((limit.remaining for limit in self._limits.values()), default=None)
        try:
            event = self._events.get(timeout=soonest)
        except queue.Empty:
            self._enforce()
            return
        if isinstance(event, Interruption):
            self._interrupt()
        else:
            self._handle(*event)

    def _enforce(self) -> None:
        for name, limit in list(self._limits.items()):
            if limit.expired:
                del self._limits[name]
                self._active[name].kill(InfrastructureError(f"the process that drives the board hung for {limit}"))

    def _interrupt(self) -> None:
        """Ask all processes to end; the second time, see to it."""
        for name, process in self._active.items():
            if self._interrupted:
                process.kill(InfrastructureError("the run was interrupted twice"))
            elif name in self._acquiring:
                process.give_up()
            else:
                self._limits[name] = Deadline.after(LEAVE_SECONDS)
                process.terminate()
        self._interrupted = self._stopping = True

    def _handle(self, process: SeatProcess, event: Event) -> None:
        seat = process.seat
        deal = self._deals[seat.board]
        if process.given_up and not isinstance(event, Gone):
            return
        match event:
            case Acquired(place):
                self._acquiring.discard(seat.name)
                self._places[seat.name] = place
                self._progress.seat(seat.name, "starting")
                self._limits[seat.name] = Deadline.after(PLAN_SECONDS)
            case Opened(provenance):
                self._run.describe(seat.board, provenance)
            case Planned(groups):
                self._limits.pop(seat.name, None)
                self._plan(process, deal, groups)
            case Ready():
                self._idle.append(process)
            case Begun(id):
                deal.begin(seat.name, id)
                self._run.begin(id, board=seat.board, seat=seat.name)
                self._progress.seat(seat.name, id)
            case Retried(id, attempt):
                self._run.retry(id, attempt, board=seat.board, seat=seat.name)
            case Done(case):
                deal.end(seat.name, case.id)
                self._add(seat, case)
            case Faulted(fault):
                if not (self._interrupted and fault.kind is FaultKind.INTERRUPTED):
                    self._run.add_fault(replace(fault, board=seat.board))
            case Staged(stage):
                self._run.add_stage(replace(stage, board=seat.board, seat=seat.name))
            case Happened(name, details):
                self._run.event(name, board=seat.board, seat=seat.name, **details)
            case Broken(fault):
                if fault.kind is FaultKind.INFRASTRUCTURE:
                    seat.blame(fault.message)
                self._blocking[seat.board] = fault
                self._leaving.add(seat.name)
                deal.lose(seat.name)
            case Finished(code):
                self._codes.append(code)
                self._finish(process, deal, code)
            case Lost(error):
                self._lose(seat, deal, error)
            case Gone():
                del self._active[seat.name]
                self._acquiring.discard(seat.name)
                if seat.name in self._again and not deal.complete:
                    self._waiting.append(seat)
                self._again.discard(seat.name)
                self._limits.pop(seat.name, None)
                self._idle = [other for other in self._idle if other is not process]
                self._progress.seat(seat.name, "done")
        self._deal_out(seat.board, deal)
        if self._run.failed:
            raise RecordFailed(self._run.failed, hint="make space, then run again")

    def _plan(self, process: SeatProcess, deal: Deal, groups: tuple[tuple[str, ...], ...]) -> None:
        try:
            news = deal.plan(groups)
        except InfrastructureError as error:
            process.kill(error)
            return
        if news:
            ids = [id for group in groups for id in group]
            self._run.plan(ids, board=process.seat.board)
            self._progress.plan(process.seat.board, ids)

    def _deal_out(self, board: str, deal: Deal) -> None:
        """Give the idle seats of a board something to do, or let them go when there will never be anything again."""
        for process in [process for process in self._idle if process.seat.board == board]:
            group = () if self._stopping else deal.take(process.seat.name)
            if group:
                process.tell(Take(group))
            elif self._stopping or deal.complete:
                self._leaving.add(process.seat.name)
                self._limits[process.seat.name] = Deadline.after(LEAVE_SECONDS)
                process.tell(End())
            else:
                continue
            self._idle.remove(process)
        if deal.complete:
            for name in self._acquiring & {name for name, each in self._active.items() if each.seat.board == board}:
                self._active[name].give_up()

    def _add(self, seat: Seat, case: Case) -> None:
        """Take a test and say where it ran; what cannot be collected is reported by every seat, and counts once."""
        if (seat.board, case.id) not in self._done:
            place = self._places.get(seat.name)
            where = (("place", place),) if place else ()
            case = replace(case, properties=(*case.properties, *where))
            self._record(case.at(seat.board, seat.name))

    def _record(self, case: Case) -> None:
        self._done.add((case.board, case.id))
        self._run.add(case)
        self._progress.case(case)

    def _finish(self, process: SeatProcess, deal: Deal, code: ExitCode) -> None:
        """A session that ends of itself, such as after the first failure with -x, ends the run."""
        if process.seat.name in self._leaving or self._interrupted:
            return
        if worst(self._run.faults) < code:
            kind = FaultKind.USAGE if code is ExitCode.USAGE else FaultKind.INFRASTRUCTURE
            self._run.add_fault(Fault(kind, "", "pytest", process.complaint(), board=process.seat.board))
        if deal.planned:
            self._stop()

    def _stop(self) -> None:
        self._stopping = True
        for name, process in self._active.items():
            process.tell(End())
            if name in self._acquiring:
                process.give_up()

    def _lose(self, seat: Seat, deal: Deal, error: HilError) -> None:
        """Blame the loss of a seat on the test that it ran; what it had not begun is left to others."""
        running = deal.lose(seat.name)
        if isinstance(error, LeaseLost) and self._losses[seat.name] < LOSSES:
            self._losses[seat.name] += 1
            self._again.add(seat.name)
        if self._interrupted:
            fault = Fault(FaultKind.INTERRUPTED, "call", "KeyboardInterrupt", "the run was interrupted in this test")
        else:
            fault = _fault(error, "call" if running else "")
            before = f"not run, the board failed before: {fault.message}"
            self._blocking[seat.board] = replace(fault, phase="setup", message=before, details="")
        if running:
            self._add(seat, Case(running, Outcome.ERROR, faults=(fault,)))
        elif not self._interrupted:
            self._run.add_fault(replace(fault, board=seat.board))
            self._progress.seat(seat.name, fault.message)

    def _block(self, board: str, deal: Deal) -> None:
        """Report what no seat was left for."""
        if (fault := self._blocking.get(board)) and not self._stopping:
            for id in deal.forfeit():
                self._record(Case(id, Outcome.ERROR, reason=BLOCKED, faults=(fault,), board=board))

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        def interrupt(_number: int, _frame: FrameType | None) -> None:
            self._events.put(Interruption())

        before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _fault(error: HilError, phase: str) -> Fault:
    return Fault(
        kind=FaultKind(error.fault),
        phase=phase,
        type=type(error).__name__,
        message=error.message.partition("\n")[0],
        details=str(error),
        stage=error.context.stage,
        hint=error.context.hint,
    )
