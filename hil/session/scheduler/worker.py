"""The process at a seat: one pytest session that drives one board and runs the tests that the run assigns to it.

It ends by itself when the run at the other end of its connection is gone.
"""

from __future__ import annotations

import gc
import os
import queue
import signal
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from hil.errors import ExitCode
from hil.lab.seat import LEASED
from hil.session.entry import plugin_modules
from hil.session.scheduler.messages import (
    Broken,
    Done,
    EndSession,
    Faulted,
    Finished,
    Message,
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

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from multiprocessing.connection import Connection
    from pathlib import Path

    from hil.record import Attempt, BoardOfRun, Case, Fault, Stage

QUIET = ("-W", "ignore::pytest.PytestAssertRewriteWarning")
"""The plugins are imported before pytest could rewrite their assertions, but they have none."""
ORPHANED_SECONDS = 20.0
"""How long the process may take to switch the board off after the run is gone."""
SHARED_SCOPES: dict[str, type[pytest.Collector]] = {
    "package": pytest.Package,
    "module": pytest.Module,
    "class": pytest.Class,
}
"""The scopes whose fixtures keep tests together, widest first."""


class RunConnection:
    """The connection to the run. A thread reads it at all times, so that the end of the run is noticed in mid-test."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._inbox: queue.SimpleQueue[RunTests | EndSession] = queue.SimpleQueue()
        self.start: StartSession = connection.recv()
        threading.Thread(target=self._listen, name="connection", daemon=True).start()

    def send(self, message: Message) -> None:
        """Send a message to the run. If the run is gone it is dropped, and `_listen` ends this process."""
        with self._lock:
            try:
                self._connection.send(message)
            except OSError:
                return

    def next(self) -> RunTests | EndSession:
        """Wait for the next request of the run; `EndSession` if the run is gone."""
        return self._inbox.get()

    def is_ending(self) -> bool:
        """Whether the run has asked to end the session before all assigned tests have run."""
        return not self._inbox.empty()

    def _listen(self) -> None:
        try:
            while True:
                self._inbox.put(self._connection.recv())
        except (OSError, EOFError):
            if LEASED in os.environ:  # the keeper frees the board, which may be somebody else's by now: do not touch it
                os._exit(ExitCode.INFRASTRUCTURE)
            self._inbox.put(EndSession())
            threading.Timer(ORPHANED_SECONDS, os._exit, (ExitCode.INFRASTRUCTURE,)).start()
            os.kill(os.getpid(), signal.SIGTERM)


class RemoteRun:
    """Sends the record of this session to the run, which writes it."""

    def __init__(self, connection: RunConnection) -> None:
        self._connection = connection
        self.path = connection.start.path
        self.seat = connection.start.seat
        self.failed = ""

    def plan(self, ids: Iterable[str]) -> None:
        """Do nothing: `Worker` sends the tests, in groups."""

    def begin(self, id: str) -> None:
        """Send that a test starts."""
        self._connection.send(Started(id))

    def retry(self, id: str, attempt: Attempt) -> None:
        """Send that a test did not pass and runs again."""
        self._connection.send(Retried(id, attempt))

    def add(self, case: Case) -> None:
        """Send a test that has ended."""
        self._connection.send(Done(case))

    def add_stage(self, stage: Stage) -> None:
        """Send that the board was brought into a state."""
        self._connection.send(Staged(stage))

    def add_fault(self, fault: Fault) -> None:
        """Send a fault outside of every test."""
        self._connection.send(Faulted(fault))

    def event(self, name: str, /, **details: Any) -> None:
        """Send an event."""
        self._connection.send(TimelineEvent(name, details))

    def finish(self, exit_code: ExitCode, *, interrupted: bool = False, may_be_empty: bool = False) -> None:
        """Do nothing: `main` sends the exit code, at the very end."""


class Worker:
    """pytest plugin by which the run decides what this session runs."""

    def __init__(self, connection: RunConnection) -> None:
        self._connection = connection

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Leave retries after faults of the board to the run: it can give the test to another board."""
        config.option.retry = replace(config.option.retry, infra=0)

    def pytest_hil_open_run(self, board: BoardOfRun) -> RemoteRun:
        """Report to the run instead of opening a record."""
        self._connection.send(Opened(board.provenance, board.roles))
        return RemoteRun(self._connection)

    def pytest_hil_trace(self, line: str) -> bool:
        """Have the run show a line about what is done on the board."""
        self._connection.send(Traced(line))
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run the tests that the run assigns, until it has no more, the board fails, or pytest wants to stop."""
        from hil.session.plugin.placeholder import Placeholder  # pytest wants to import its plugins itself

        if session.testsfailed and not session.config.option.continue_on_collection_errors:
            raise session.Interrupted(f"{session.testsfailed} errors during collection")
        items = {item.nodeid: item for item in session.items}
        placeholder = Placeholder.from_session(session)
        self._connection.send(Planned(groups(session.items)))
        self._connection.send(Ready())
        while isinstance(request := self._connection.next(), RunTests):
            for item, following in zip(
                (items[id] for id in request.ids), (*(items[id] for id in request.ids[1:]), placeholder), strict=True
            ):
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
                if session.shouldfail:
                    raise session.Failed(session.shouldfail)
                if session.shouldstop:
                    raise session.Interrupted(session.shouldstop)
                if self._board_is_broken(session.config):
                    return True
                if self._connection.is_ending():
                    break
            else:
                self._connection.send(Ready())
        return True

    def _board_is_broken(self, config: pytest.Config) -> bool:
        # pytest wants to import its plugins itself
        from hil.session.plugin.board import refuse_broken
        from hil.session.plugin.classify import BlockedError, classify
        from hil.session.plugin.environment import environments

        try:
            refuse_broken(environments(config))
        except BlockedError as error:
            self._connection.send(Broken(classify(error, "setup")))
            return True
        return False


def groups(items: Iterable[pytest.Item]) -> tuple[tuple[str, ...], ...]:
    """Return the ids of `items` in order, grouped by the class, module or package whose fixtures they share.

    A group stays on one board: split up, its shared fixture would be set up once per board. A test that shares no
    fixture is a group of its own.
    """
    found: list[tuple[str, list[str]]] = []
    for item in items:
        key = _shared(item)
        if found and key and found[-1][0] == key:
            found[-1][1].append(item.nodeid)
        else:
            found.append((key, [item.nodeid]))
    return tuple(tuple(ids) for _, ids in found)


def _shared(item: pytest.Item) -> str:
    """Return the id of the node that the widest shared fixture of a test belongs to, empty if it shares none."""
    definitions = getattr(item, "_fixtureinfo", None)
    scopes = (
        {fixture.scope for fixtures in definitions.name2fixturedefs.values() for fixture in fixtures}
        if definitions
        else set()
    )
    for scope, kind in SHARED_SCOPES.items():
        if scope in scopes:
            node = item.getparent(kind) or item.getparent(pytest.Module)
            return node.nodeid if node else item.session.nodeid
    return ""


def main(connection: Connection, log: Path, environment: Mapping[str, str]) -> None:
    """Run one pytest session for the run at the other end of `connection`; the output of pytest goes to `log`."""
    gc.freeze()  # pytest collects garbage five times at its end, and what comes from the fork server is none
    os.setpgid(0, 0)  # Ctrl-C in the terminal reaches the run only, which then ends its processes
    with log.open("ab") as output:
        for stream in (1, 2):
            os.dup2(output.fileno(), stream)
    os.environ.update(environment)
    to_run = RunConnection(connection)
    code = pytest.main([*QUIET, *to_run.start.arguments], plugins=[*plugin_modules(), Worker(to_run)])
    is_ours = code in {int(known) for known in ExitCode}
    to_run.send(Finished(ExitCode(code) if is_ours else ExitCode.USAGE))
