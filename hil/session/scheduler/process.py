"""The process at one seat, and the thread that supervises it: acquires the board, starts the process, sees it end."""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import os
import re
import signal
import sys
import threading
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe, wait
from typing import TYPE_CHECKING

from hil.deadline import Deadline
from hil.errors import HilError, InfrastructureError, RunnerDied
from hil.session.scheduler import worker
from hil.session.scheduler.messages import EndSession, Finished, Message, Planned, RunTests, StartSession
from hil.sockets import make_room_for_sockets

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.context import ForkServerContext, ForkServerProcess
    from pathlib import Path

    from hil.lab.seat import LeaseWatch, Seat

ACQUIRE_SECONDS = 600.0
"""How long a seat may take to acquire its board, which somebody else may be using."""
END_SECONDS = 10.0
"""How long a process may take to exit after its last message."""
LOG_FILE = "pytest.log"
"""The output of pytest at a seat, beside the transcripts of its board."""
LOG_LINES = 12

PRELOADED = (
    *("pytest", "labgrid.pytestplugin", "hil.drivers", "hil.strategies"),
    *("hil.linux", "hil.target.vtpm"),
    "hil.target.tpm.tpm",  # where tpm2-pytss is missing, nothing is imported, and nothing is said
)
"""Modules that every process needs: imported once, in the fork server from which the others are forked."""
PRELOADED_FOR_LABS = ("labgrid.remote.client", "requests")
"""Modules for leased boards: the coordinator's client, and what most power switches on a network are driven by."""


@dataclass(frozen=True, slots=True)
class Acquired:
    """The board is acquired and its process runs; `place` is its place in the lab, empty for a local board."""

    place: str


@dataclass(frozen=True, slots=True)
class Lost:
    """The seat cannot be used any longer."""

    error: HilError


@dataclass(frozen=True, slots=True)
class Ended:
    """The process has ended and the board is free. This is the last event of a seat."""


Event = Acquired | Message | Lost | Ended


class SeatProcess(threading.Thread):
    """Passes every event at a seat to `post`; `send`, `terminate` and `kill` may be called from any thread."""

    def __init__(
        self,
        seat: Seat,
        start: StartSession,
        post: Callable[[SeatProcess, Event], None],
        start_slots: threading.Semaphore,
    ) -> None:
        """Hold one of `start_slots` until the tests are collected.

        Starting a process keeps a processor busy, and most tests do not. If all processes started at once, each would
        be ready later; this way the first ones run tests while the others start.
        """
        super().__init__(name=f"seat-{seat.name}", daemon=True)
        self.seat = seat
        self._start = start
        self._post = post
        self._start_slots = start_slots
        self._holds_start_slot = False
        self._lock = threading.Lock()
        self._process: ForkServerProcess | None = None
        self._ending = False
        self._ended = False
        self.given_up = False
        self._why: HilError | None = None
        self._ours, self._theirs = Pipe()

    def run(self) -> None:
        """Acquire the board, drive it, release it; post one `Ended` at the end, whatever happens before."""
        try:
            self.seat.acquire(Deadline.after(ACQUIRE_SECONDS))
            try:
                self._drive()
            finally:
                self.seat.release()
        except HilError as error:
            if not self.given_up:
                self._post(self, Lost(error))
        except Exception as error:  # if this thread died silently, the run would wait forever
            self._post(self, Lost(InfrastructureError(f"seat {self.seat.name} failed: {error!r}")))
        finally:
            self._post(self, Ended())

    def send(self, message: RunTests | EndSession) -> None:
        """Send the process a message. An error is ignored: `_forward` reports a process that is gone."""
        with contextlib.suppress(OSError):
            self._ours.send(message)

    def terminate(self) -> None:
        """Ask the process to end: it interrupts the test and switches the board off."""
        self._signal(signal.SIGTERM)

    def give_up(self) -> None:
        """Stop waiting for the board: no test is left for it."""
        self.given_up = True
        self.terminate()
        self.seat.cancel()

    def kill(self, why: HilError) -> None:
        """Kill the process, and leave the board as it is; `why`, the first one if several, is reported to the run."""
        self._why = self._why or why
        self._signal(signal.SIGKILL)

    def error_line(self) -> str:
        """Return the line of the log in which pytest says why it refused or failed."""
        said = [line.removeprefix("INTERNALERROR>").strip() for line in self._log_lines()]
        errors = (line for line in reversed(said) if re.search(r"\b(\w*error|exit)\b", line, re.IGNORECASE))
        return next(errors, f"pytest ended, see {self._log}")

    def _log_lines(self) -> list[str]:
        return self._log.read_text(errors="replace", encoding="utf-8").strip().splitlines()

    def _signal(self, number: signal.Signals) -> None:
        with self._lock:
            self._ending = True
            if self._process and self._process.pid and not self._ended:
                for send in (os.killpg, os.kill) if number is signal.SIGKILL else (os.kill,):
                    with contextlib.suppress(ProcessLookupError):
                        send(self._process.pid, number)

    def _drive(self) -> None:
        self._start_slots.acquire()
        self._holds_start_slot = True
        try:
            with self._lock:
                if self._ending:
                    return
                self._process = self._spawn()
            self._post(self, Acquired(self.seat.environment.get("LG_PLACE", "")))
            finished = self._forward()
            self._end()
        finally:
            self._free_start_slot()
        if self._why:
            raise self._why
        if not finished:
            raise self._death()

    def _free_start_slot(self) -> None:
        if self._holds_start_slot:
            self._holds_start_slot = False
            self._start_slots.release()

    def _spawn(self) -> ForkServerProcess:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        arguments = (self._theirs, self._log, dict(self.seat.environment))
        process = _fork_server(leased=self.seat.lease is not None).Process(
            target=worker.main, args=arguments, name=self.name, daemon=True
        )
        process.start()
        self._theirs.close()
        return process

    def _forward(self) -> bool:
        """Post the messages of the process until it is gone; returns whether it announced its end.

        The process is killed when the lease is lost. Its messages are still read to the end of the pipe: a test that it
        has already reported must not run again on another board.
        """
        lease = self.seat.lease
        sources: list[Connection | int] = [self._ours, *([lease.fileno()] if lease else [])]
        finished = False
        with contextlib.suppress(OSError, EOFError):
            self._ours.send(self._start)
            while True:
                if self._ours not in wait(sources):
                    sources.pop()  # the lease stays readable once it is lost: from now on only the pipe matters
                    self._kill_unless_leased(lease)
                    continue
                message = self._ours.recv()
                finished |= isinstance(message, Finished)
                if isinstance(message, Planned):
                    self._free_start_slot()
                self._post(self, message)
        return finished

    def _kill_unless_leased(self, lease: LeaseWatch | None) -> None:
        assert lease
        try:
            lease.check()
        except HilError as error:
            self.kill(error)

    def _end(self) -> None:
        assert self._process
        self._process.join(END_SECONDS)
        if self._process.exitcode is None:
            self._signal(signal.SIGKILL)
            self._process.join()
        with self._lock:
            self._ended = True
        self._ours.close()

    def _death(self) -> InfrastructureError:
        assert self._process
        status = self._process.exitcode or 0
        how = f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
        quoted = "".join(f"\n  {line}" for line in self._log_lines()[-LOG_LINES:])
        return RunnerDied(f"the process that drives the board {how}{quoted}", hint=f"see {self._log}")

    @property
    def _log(self) -> Path:
        return self._start.path / self._start.seat / LOG_FILE


@functools.cache
def _fork_server(*, leased: bool) -> ForkServerContext:
    make_room_for_sockets()
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*PRELOADED, *_imported_by_main(), *(PRELOADED_FOR_LABS if leased else ())])
    return context


def _imported_by_main() -> list[str]:
    """Return our modules that `__main__` imported from: each process imports `__main__` anew, and these with it."""
    taken = (getattr(value, "__module__", None) for value in vars(sys.modules["__main__"]).values())
    return sorted({name for name in taken if isinstance(name, str) and name.startswith("hil.")})
