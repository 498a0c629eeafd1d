"""The thread that looks after one seat: gets hold of the board, starts the process that drives it, sees it end."""

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
from hil.session.scheduler.messages import End, Finished, Message, Planned, Start, Take

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.context import ForkServerContext, ForkServerProcess
    from pathlib import Path

    from hil.lab.seat import Lease, Seat

ACQUIRE_SECONDS = 600.0
"""How long a seat may take until its board is ours; somebody else may be using it."""
END_SECONDS = 10.0
"""Between the last word of a process and its end."""
LOG_FILE = "pytest.log"
"""What pytest itself said at a seat, beside the transcripts of its board."""
LOG_LINES = 12

PRELOADED = (
    *("pytest", "labgrid.pytestplugin", "hil.drivers", "hil.strategies"),
    *("hil.linux", "hil.target.tpm", "hil.target.vtpm"),
)
"""What every process needs: imported once, in a process of its own from which the others are forked."""
PRELOADED_FOR_LABS = ("labgrid.remote.client", "requests")
"""What else drives a board that is lent: the coordinator's client, and most power switches on a network."""


@dataclass(frozen=True, slots=True)
class Acquired:
    """The board is ours and its process runs; `place` is where labgrid knows it, if it does."""

    place: str


@dataclass(frozen=True, slots=True)
class Lost:
    """The seat cannot go on."""

    error: HilError


@dataclass(frozen=True, slots=True)
class Gone:
    """The process has ended and the board is free; nothing more comes."""


Event = Acquired | Message | Lost | Gone


class SeatProcess(threading.Thread):
    """Tells `post` all that happens at a seat; `tell`, `terminate` and `kill` may be called at any time."""

    def __init__(
        self,
        seat: Seat,
        start: Start,
        post: Callable[[SeatProcess, Event], None],
        door: threading.Semaphore,
    ) -> None:
        """Processes come through `door` until they know their tests: starting takes a processor, most tests do not."""
        super().__init__(name=f"seat-{seat.name}", daemon=True)
        self.seat = seat
        self._start = start
        self._post = post
        self._door = door
        self._in_door = False
        self._lock = threading.Lock()
        self._process: ForkServerProcess | None = None
        self._ending = False
        self._ended = False
        self.given_up = False
        self._why: HilError | None = None
        self._ours, self._theirs = Pipe()

    def run(self) -> None:
        """Post one `Gone` at the end, whatever happens before."""
        try:
            self.seat.acquire(Deadline.after(ACQUIRE_SECONDS))
            try:
                self._drive()
            finally:
                self.seat.release()
        except HilError as error:
            if not self.given_up:
                self._post(self, Lost(error))
        except Exception as error:  # a thread that dies silently would leave the run waiting
            self._post(self, Lost(InfrastructureError(f"seat {self.seat.name} failed: {error!r}")))
        finally:
            self._post(self, Gone())

    def tell(self, message: Take | End) -> None:
        """Give the process something to do; one that is gone has been, or will be, reported."""
        with contextlib.suppress(OSError):
            self._ours.send(message)

    def terminate(self) -> None:
        """Ask the process to end: the test is cut, the board is switched off."""
        self._signal(signal.SIGTERM)

    def give_up(self) -> None:
        """Do not wait for the board any longer."""
        self.given_up = True
        self.terminate()
        self.seat.cancel()

    def kill(self, why: HilError) -> None:
        """End the process now, without a word to the board; `why` is what the run is told."""
        self._why = self._why or why
        self._signal(signal.SIGKILL)

    def complaint(self) -> str:
        """Return why pytest refused or failed, in its own words."""
        said = [line.removeprefix("INTERNALERROR>").strip() for line in self._said()]
        complaints = (line for line in reversed(said) if re.search(r"\b(\w*error|exit)\b", line, re.IGNORECASE))
        return next(complaints, f"pytest ended, see {self._log}")

    def _said(self) -> list[str]:
        return self._log.read_text(errors="replace").strip().splitlines()

    def _signal(self, number: signal.Signals) -> None:
        with self._lock:
            self._ending = True
            if self._process and self._process.pid and not self._ended:
                for send in (os.killpg, os.kill) if number is signal.SIGKILL else (os.kill,):
                    with contextlib.suppress(ProcessLookupError):
                        send(self._process.pid, number)

    def _drive(self) -> None:
        self._door.acquire()
        self._in_door = True
        try:
            with self._lock:
                if self._ending:
                    return
                self._process = self._spawn()
            self._post(self, Acquired(self.seat.environment.get("LG_PLACE", "")))
            finished = self._forward()
            self._end()
        finally:
            self._leave_door()
        if self._why:
            raise self._why
        if not finished:
            raise self._death()

    def _leave_door(self) -> None:
        if self._in_door:
            self._in_door = False
            self._door.release()

    def _spawn(self) -> ForkServerProcess:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        arguments = (self._theirs, self._log, dict(self.seat.environment))
        process = _nursery(lent=self.seat.lease is not None).Process(
            target=worker.main, args=arguments, name=self.name, daemon=True
        )
        process.start()
        self._theirs.close()
        return process

    def _forward(self) -> bool:
        """Post what the process says until it is gone; returns whether it said that it was done.

        It is killed when the board is not ours any more; what it has said by then counts, lest a test is run again.
        """
        lease = self.seat.lease
        sources: list[Connection | int] = [self._ours, *([lease.fileno()] if lease else [])]
        finished = False
        with contextlib.suppress(OSError, EOFError):
            self._ours.send(self._start)
            while True:
                if self._ours not in wait(sources):
                    sources.pop()
                    self._take_away(lease)
                    continue
                message = self._ours.recv()
                finished |= isinstance(message, Finished)
                if isinstance(message, Planned):
                    self._leave_door()
                self._post(self, message)
        return finished

    def _take_away(self, lease: Lease | None) -> None:
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
        quoted = "".join(f"\n  {line}" for line in self._said()[-LOG_LINES:])
        return RunnerDied(f"the process that drives the board {how}{quoted}", hint=f"see {self._log}")

    @property
    def _log(self) -> Path:
        return self._start.path / self._start.seat / LOG_FILE


@functools.cache
def _nursery(*, lent: bool) -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*PRELOADED, *_imported_by_main(), *(PRELOADED_FOR_LABS if lent else ())])
    return context


def _imported_by_main() -> list[str]:
    """Return our modules that the main module of this process took something from: each process imports it again."""
    taken = (getattr(value, "__module__", None) for value in vars(sys.modules["__main__"]).values())
    return sorted({name for name in taken if isinstance(name, str) and name.startswith("hil.")})
