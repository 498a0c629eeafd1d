"""One run on several boards: starts the seats, deals the tests, and sees all of them end."""

from __future__ import annotations

import os
import queue
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hil.errors import ExitCode, HilError, InfrastructureError, RecordFailed, RunnerDied
from hil.lab.errors import LeaseLost
from hil.record import Case, Fault, FaultKind
from hil.record.run import MAKE_SPACE
from hil.record.verdict import worst
from hil.session.scheduler.deal import Deal
from hil.session.scheduler.interruption import interruptions
from hil.session.scheduler.ledger import Ledger, fault_of
from hil.session.scheduler.messages import (
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
from hil.session.scheduler.process import Acquired, Event, Gone, Lost, SeatProcess
from hil.session.scheduler.seating import Seating

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.lab.seat import Seat
    from hil.record import Record, Run
    from hil.session.scheduler.expected import Durations
    from hil.session.scheduler.progress import Progress

PLAN_SECONDS = 300.0
"""From the start of a process until it knows its tests."""
RESERVE = 2
"""So many boards of a kind stay when there is nothing left to deal out: for what one that is lost has not begun."""
STARTS_PER_PROCESSOR = 2
"""So many processes start at once: each is ready sooner than if all did, and the first ones work meanwhile."""
LEAVE_SECONDS = 120.0
"""From the last test until the board is off and the process gone; after an interruption, too."""


@dataclass(frozen=True, slots=True)
class Interruption:
    """Somebody wants the run to end."""


class Pool:
    """Runs pytest with `arguments` at each of `seats`, a process each, and keeps `run` and `progress` up to date.

    The tests are dealt out to seats of the same board. At most `emulated` boards that are emulated run at once. A test
    that failed for board or lab is dealt out again, `retries` times. What is `expected` to take long comes first.
    """

    def __init__(
        self,
        run: Run,
        seats: Sequence[Seat],
        arguments: Sequence[str],
        progress: Progress,
        *,
        emulated: int,
        retries: int = 0,
        expected: Durations | None = None,
    ) -> None:
        self._run = run
        self._arguments = arguments
        self._progress = progress
        self._retries = retries
        self._ledger = Ledger(run, progress, retries)
        self._expected = expected or {}
        self._seating = Seating(seats, emulated)
        self._deals = {seat.board: Deal() for seat in seats}
        self._door = threading.Semaphore(STARTS_PER_PROCESSOR * (os.cpu_count() or 1))
        self._excused: set[str] = set()
        self._events: queue.SimpleQueue[tuple[SeatProcess, Event] | Interruption] = queue.SimpleQueue()
        self._codes: list[ExitCode] = []
        self._stopping = False
        self._interrupted = False

    def drive(self) -> Record:
        """Run to the end; Ctrl-C and SIGTERM end it well, a second one at once."""
        with interruptions(lambda: self._events.put(Interruption())):
            try:
                while not self._seating.over:
                    self._start_waiting()
                    self._next_event()
            finally:
                for process in self._seating.processes:
                    process.kill(InfrastructureError("the run failed"))
        for board, deal in self._deals.items():
            self._ledger.forfeit(board, deal.forfeit(), stopped=self._stopping)
        if self._interrupted:
            self._run.add_fault(Fault(FaultKind.INTERRUPTED, "", "KeyboardInterrupt", "the run was interrupted"))
        code = max([*self._codes, worst(self._run.faults)])
        return self._run.finish(code, interrupted=self._interrupted)

    def _start_waiting(self) -> None:
        """Start as many seats as the machine can take."""
        if self._stopping:
            self._seating.close()
        for seat in self._seating.startable():
            start = Start(self._run.path, seat.name, ("--lg-env", str(seat.board_file), *self._arguments))
            process = SeatProcess(seat, start, self._post, self._door)
            self._seating.start(process)
            if not seat.emulated:
                self._progress.seat(seat.name, "waiting for the board")
            process.start()

    def _post(self, process: SeatProcess, event: Event) -> None:
        self._events.put((process, event))

    def _next_event(self) -> None:
        try:
            event = self._events.get(timeout=self._seating.until_due())
        except queue.Empty:
            for process, limit in self._seating.overdue():
                process.kill(InfrastructureError(f"the process that drives the board hung for {limit}"))
            return
        if isinstance(event, Interruption):
            self._interrupt()
        else:
            self._handle(*event)

    def _interrupt(self) -> None:
        """Ask all processes to end; the second time, see to it."""
        for process in self._seating.processes:
            if self._interrupted:
                process.kill(InfrastructureError("the run was interrupted twice"))
            elif self._seating.is_acquiring(process):
                process.give_up()
            else:
                self._seating.limit(process, LEAVE_SECONDS)
                process.terminate()
        self._interrupted = self._stopping = True

    def _handle(self, process: SeatProcess, event: Event) -> None:
        seat = process.seat
        deal = self._deals[seat.board]
        if process.given_up and not isinstance(event, Gone):
            return
        match event:
            case Acquired(place):
                self._seating.acquired(process)
                self._seating.limit(process, PLAN_SECONDS)
                self._ledger.sit(seat, place)
                self._progress.seat(seat.name, "starting")
            case Opened(provenance):
                self._run.describe(seat.board, provenance)
            case Planned(groups):
                self._seating.lift(process)
                self._plan(process, deal, groups)
            case Ready():
                self._seating.rest(process)
            case Begun(id):
                deal.begin(seat.name, id)
                self._ledger.begin(seat, id)
            case Retried(id, attempt):
                self._run.retry(id, attempt, board=seat.board, seat=seat.name)
            case Done(case):
                deal.end(seat.name, case.id)
                self._end(seat, deal, case)
            case Faulted(fault):
                if not (self._interrupted and fault.kind is FaultKind.INTERRUPTED):
                    self._ledger.fault(seat.board, fault)
            case Staged(stage):
                self._progress.stage(seat.name, stage.stage)
                self._run.add_stage(replace(stage, board=seat.board, seat=seat.name))
            case Happened(name, details):
                self._run.event(name, board=seat.board, seat=seat.name, **details)
            case Broken(fault):
                self._break(seat, deal, fault)
            case Finished(code):
                self._finish(process, deal, code)
            case Lost(error):
                self._lose(seat, deal, error)
            case Gone():
                self._seating.go(process, needed=deal.waits)
                self._progress.seat(seat.name, "done")
        self._deal_out(seat.board, deal)
        if self._run.failed:
            raise RecordFailed(self._run.failed, hint=MAKE_SPACE)

    def _plan(self, process: SeatProcess, deal: Deal, groups: tuple[tuple[str, ...], ...]) -> None:
        try:
            seconds = {id: taken for (board, id), taken in self._expected.items() if board == process.seat.board}
            news = deal.plan(groups, seconds)
        except InfrastructureError as error:
            process.kill(error)
            return
        if news:
            self._ledger.plan(process.seat.board, [id for group in groups for id in group])

    def _deal_out(self, board: str, deal: Deal) -> None:
        """Give the idle seats of a board something to do, or let them go when there will never be anything again."""
        for process in self._seating.idle(board):
            alone = self._seating.is_alone(process.seat)
            group = () if self._stopping else deal.take(process.seat.name, alone=alone)
            spare = not deal.waits and len(self._seating.idle(board)) > RESERVE
            if group:
                process.tell(Take(group))
            elif spare or self._stopping or deal.complete:
                self._seating.leave(process.seat)
                self._seating.limit(process, LEAVE_SECONDS)
                process.tell(End())
            else:
                continue
            self._seating.wake(process)
        if deal.complete:
            for process in self._seating.acquiring(board):
                process.give_up()

    def _end(self, seat: Seat, deal: Deal, case: Case) -> None:
        if self._ledger.end(seat, case):
            self._run_again(seat, deal, case.id)

    def _run_again(self, seat: Seat, deal: Deal, id: str) -> None:
        deal.again(seat.name, id)
        self._excused.add(seat.name)

    def _break(self, seat: Seat, deal: Deal, fault: Fault) -> None:
        """Let go of a board that cannot be used any more; only what is to run again is worth another one."""
        if fault.kind is FaultKind.INFRASTRUCTURE:
            seat.blame(fault.message)
        self._ledger.block(seat, fault)
        self._seating.leave(seat)
        deal.lose(seat.name)
        if self._retries:
            self._seating.start_again(seat)

    def _finish(self, process: SeatProcess, deal: Deal, code: ExitCode) -> None:
        """A session that ends of itself, such as after the first failure with -x, ends the run."""
        if not (code is ExitCode.INFRASTRUCTURE and process.seat.name in self._excused):
            self._codes.append(code)
        if self._seating.is_leaving(process.seat) or self._interrupted:
            return
        if worst(self._run.faults) < code:
            kind = FaultKind.USAGE if code is ExitCode.USAGE else FaultKind.INFRASTRUCTURE
            self._ledger.fault(process.seat.board, Fault(kind, "", "pytest", process.complaint()))
        if deal.planned:
            self._stop()

    def _stop(self) -> None:
        self._stopping = True
        for process in self._seating.processes:
            process.tell(End())
            if self._seating.is_acquiring(process):
                process.give_up()

    def _lose(self, seat: Seat, deal: Deal, error: HilError) -> None:
        """Blame the loss of a seat on the test that it ran; what it had not begun is left to others."""
        running = deal.lose(seat.name)
        if isinstance(error, LeaseLost | RunnerDied):
            self._seating.start_again(seat)
        if self._interrupted:
            fault = Fault(FaultKind.INTERRUPTED, "", "KeyboardInterrupt", "the run was interrupted in this test")
        else:
            fault = fault_of(error)
        if self._ledger.lose(seat, running, fault):
            self._run_again(seat, deal, running)
