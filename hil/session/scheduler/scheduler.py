"""Runs tests on several boards: starts the seats, distributes the tests, and sees every process end."""

from __future__ import annotations

import os
import queue
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec.structs import replace

from hil.errors import ExitCode, HilError, InfrastructureError, RecordFailed, RunnerDied
from hil.lab.errors import LeaseLost
from hil.record import Case, Fault, FaultKind
from hil.record.run import MAKE_SPACE
from hil.record.verdict import worst
from hil.session.scheduler.distribution import Distribution
from hil.session.scheduler.interruption import interruptions
from hil.session.scheduler.messages import (
    Broken,
    Done,
    EndSession,
    Faulted,
    Finished,
    Opened,
    Planned,
    Ready,
    Retried,
    RunTests,
    Staged,
    Started,
    StartSession,
    TimelineEvent,
    Traced,
)
from hil.session.scheduler.process import Acquired, Ended, Event, Lost, SeatProcess
from hil.session.scheduler.results import Results, fault_of
from hil.session.scheduler.seats import SeatStates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.lab.seat import Seat
    from hil.record import Record, Run
    from hil.session.scheduler.estimate import Durations
    from hil.session.scheduler.progress import RunProgress

PLAN_SECONDS = 300.0
"""How long a process may take to collect its tests."""
RESERVE = 2
"""How many idle seats of a board stay while others still run tests: they take over the tests of a seat that is lost."""
STARTS_PER_PROCESSOR = 2
"""How many processes may start at once; see `SeatProcess`."""
LEAVE_SECONDS = 120.0
"""How long a process may take from its last test, or an interruption, until its board is off and it has exited."""


@dataclass(frozen=True, slots=True)
class Interruption:
    """The user has asked to end the run, by Ctrl-C, SIGTERM or SIGHUP."""


class Scheduler:
    """Runs pytest with `arguments` at each of `seats`, a process each, and writes results to `run` and `progress`.

    Tests are distributed to the seats of the same board, those that are `expected` to take long first. At most
    `emulated` emulated boards run at once. A test that failed for board or lab runs again, up to `retries` times.

    All decisions are made in one thread: the thread of each seat only posts events to a queue.
    """

    def __init__(
        self,
        run: Run,
        seats: Sequence[Seat],
        arguments: Sequence[str],
        progress: RunProgress,
        *,
        emulated: int,
        retries: int = 0,
        expected: Durations | None = None,
    ) -> None:
        self._run = run
        self._arguments = arguments
        self._progress = progress
        self._retries = retries
        self._results = Results(run, progress, retries)
        self._expected = expected or {}
        self._seats = SeatStates(seats, emulated)
        self._distributions = {seat.board: Distribution() for seat in seats}
        self._start_slots = threading.Semaphore(STARTS_PER_PROCESSOR * (os.cpu_count() or 1))
        self._retried: set[str] = set()
        self._events: queue.SimpleQueue[tuple[SeatProcess, Event] | Interruption] = queue.SimpleQueue()
        self._codes: list[ExitCode] = []
        self._stopping = False
        self._interrupted = False

    def run(self) -> Record:
        """Run until every seat has ended. A request to end ends the run in order, a second one kills the processes."""
        with interruptions(lambda: self._events.put(Interruption())):
            try:
                while not self._seats.is_over:
                    self._start_waiting()
                    self._next_event()
            finally:
                for process in self._seats.processes:
                    process.kill(InfrastructureError("the run failed"))
        self._plan_for_all()
        for board, distribution in self._distributions.items():
            self._results.report_not_run(board, distribution.drop_waiting(), stopped=self._stopping)
        if self._interrupted:
            self._run.add_fault(Fault(FaultKind.INTERRUPTED, "", "KeyboardInterrupt", "the run was interrupted"))
        code = max([*self._codes, worst(self._run.faults)])
        return self._run.finish(code, interrupted=self._interrupted)

    def _plan_for_all(self) -> None:
        """Give a board that did not come to collect its tests those of another: the arguments are the same for all."""
        planned = next((board for board, distribution in self._distributions.items() if distribution.ids), "")
        for board, distribution in self._distributions.items():
            if planned and not distribution.is_planned:
                self._results.plan(board, self._distributions[planned].ids)

    def _start_waiting(self) -> None:
        """Start as many seats as the machine has room for."""
        if self._stopping:
            self._seats.stop_starting()
        for seat in self._seats.take_startable():
            start = StartSession(self._run.path, seat.name, ("--lg-env", str(seat.board_file), *self._arguments))
            process = SeatProcess(seat, start, self._post, self._start_slots)
            self._seats.start(process)
            if not seat.emulated:
                self._progress.seat(seat.name, "waiting for the board")
            process.start()

    def _post(self, process: SeatProcess, event: Event) -> None:
        self._events.put((process, event))

    def _next_event(self) -> None:
        try:
            event = self._events.get(timeout=self._seats.until_due())
        except queue.Empty:
            for process, limit in self._seats.overdue():
                process.kill(InfrastructureError(f"the process that drives the board hung for {limit}"))
            return
        if isinstance(event, Interruption):
            self._interrupt()
        else:
            self._handle(*event)

    def _interrupt(self) -> None:
        """Ask all processes to end; kill them the second time."""
        for process in self._seats.processes:
            if self._interrupted:
                process.kill(InfrastructureError("the run was interrupted twice"))
            elif self._seats.is_acquiring(process):
                process.give_up()
            else:
                self._seats.set_limit(process, LEAVE_SECONDS)
                process.terminate()
        self._interrupted = self._stopping = True

    def _handle(self, process: SeatProcess, event: Event) -> None:
        seat = process.seat
        distribution = self._distributions[seat.board]
        if process.given_up and not isinstance(event, Ended):
            return  # what a seat that is not needed any more still reports, such as `Lost`, is no fault
        match event:
            case Acquired(place):
                self._seats.mark_acquired(process)
                self._seats.set_limit(process, PLAN_SECONDS)
                self._results.set_place(seat, place)
                self._progress.seat(seat.name, "starting")
            case Opened(provenance, roles):
                self._run.describe(seat.board, provenance, roles)
            case Planned(groups):
                self._seats.clear_limit(process)
                self._plan(process, distribution, groups)
            case Ready():
                self._seats.mark_idle(process)
            case Started(id):
                distribution.begin(seat.name, id)
                self._results.begin(seat, id)
            case Retried(id, attempt):
                self._run.retry(id, attempt, board=seat.board, seat=seat.name)
            case Done(case):
                distribution.end(seat.name, case.id)
                self._end(seat, distribution, case)
            case Faulted(fault):
                if not (self._interrupted and fault.kind is FaultKind.INTERRUPTED):
                    self._results.fault(seat.board, fault)
            case Staged(stage):
                self._progress.stage(seat.name, stage.stage)
                self._run.add_stage(replace(stage, board=seat.board, seat=seat.name))
            case Traced(line):
                self._progress.trace(seat.name, line)
            case TimelineEvent(name, details):
                self._run.event(name, board=seat.board, seat=seat.name, **details)
            case Broken(fault):
                self._break(seat, distribution, fault)
            case Finished(code):
                self._finish(process, distribution, code)
            case Lost(error):
                self._lose(seat, distribution, error)
            case Ended():
                self._seats.remove(process, needed=distribution.has_waiting)
                self._progress.seat(seat.name, "done")
        self._distribute(seat.board, distribution)
        if self._run.failed:
            raise RecordFailed(self._run.failed, hint=MAKE_SPACE)

    def _plan(self, process: SeatProcess, distribution: Distribution, groups: tuple[tuple[str, ...], ...]) -> None:
        try:
            seconds = {id: taken for (board, id), taken in self._expected.items() if board == process.seat.board}
            is_first = distribution.plan(groups, seconds)
        except InfrastructureError as error:
            process.kill(error)
            return
        if is_first:
            self._results.plan(process.seat.board, [id for group in groups for id in group])

    def _distribute(self, board: str, distribution: Distribution) -> None:
        """Give tests to the idle seats of a board, or end those that will not be needed any more."""
        for process in self._seats.idle(board):
            alone = self._seats.is_alone(process.seat)
            group = () if self._stopping else distribution.take(process.seat.name, alone=alone)
            spare = not distribution.has_waiting and len(self._seats.idle(board)) > RESERVE
            if group:
                process.send(RunTests(group))
            elif spare or self._stopping or distribution.is_complete:
                self._seats.mark_leaving(process.seat)
                self._seats.set_limit(process, LEAVE_SECONDS)
                process.send(EndSession())
            else:
                continue
            self._seats.mark_busy(process)
        if distribution.is_complete:
            for process in self._seats.acquiring(board):
                process.give_up()

    def _end(self, seat: Seat, distribution: Distribution, case: Case) -> None:
        if self._results.end(seat, case):
            self._requeue(seat, distribution, case.id)

    def _requeue(self, seat: Seat, distribution: Distribution, id: str) -> None:
        distribution.requeue(seat.name, id)
        self._retried.add(seat.name)

    def _break(self, seat: Seat, distribution: Distribution, fault: Fault) -> None:
        """Give up a board that cannot be used any more. Without retries no other board is started in its place."""
        if fault.kind is FaultKind.INFRASTRUCTURE:
            seat.blame(fault.message)
        self._results.block(seat, fault)
        self._seats.mark_leaving(seat)
        distribution.take_back(seat.name)
        if self._retries:
            self._seats.restart_after_end(seat)

    def _finish(self, process: SeatProcess, distribution: Distribution, code: ExitCode) -> None:
        """Take the exit code of a session; one that ends by itself, such as after a failure with -x, ends the run.

        The exit code does not count if the session failed only for tests that ran again elsewhere.
        """
        if not (code is ExitCode.INFRASTRUCTURE and process.seat.name in self._retried):
            self._codes.append(code)
        if self._seats.is_leaving(process.seat) or self._interrupted:
            return
        if worst(self._run.faults) < code:
            kind = FaultKind.USAGE if code is ExitCode.USAGE else FaultKind.INFRASTRUCTURE
            self._results.fault(process.seat.board, Fault(kind, "", "pytest", process.error_line()))
        if distribution.is_planned:
            self._stop()

    def _stop(self) -> None:
        self._stopping = True
        for process in self._seats.processes:
            process.send(EndSession())
            if self._seats.is_acquiring(process):
                process.give_up()

    def _lose(self, seat: Seat, distribution: Distribution, error: HilError) -> None:
        """Record the loss of a seat as the fault of the test that it ran; what it had not started is left to others."""
        running = distribution.take_back(seat.name)
        if isinstance(error, LeaseLost | RunnerDied):
            self._seats.restart_after_end(seat)
        if self._interrupted:
            fault = Fault(FaultKind.INTERRUPTED, "", "KeyboardInterrupt", "the run was interrupted in this test")
        else:
            fault = fault_of(error)
        if self._results.lose(seat, running, fault):
            self._requeue(seat, distribution, running)
