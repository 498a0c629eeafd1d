"""The process at a seat: one pytest that drives one board, and runs what it is given.

Ends by itself when the run at the other end of its connection is gone.
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
from hil.session.scheduler.messages import (
    Begun,
    Broken,
    Done,
    End,
    Faulted,
    Finished,
    Happened,
    Message,
    Opened,
    Planned,
    Ready,
    Retried,
    Staged,
    Start,
    Take,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from multiprocessing.connection import Connection
    from pathlib import Path

    from hil.record import Attempt, BoardOfRun, Case, Fault, Stage

QUIET = ("-W", "ignore::pytest.PytestAssertRewriteWarning")
"""Plugins were imported before pytest could have rewritten their assertions, of which they have none."""
LAST_WORDS_SECONDS = 20.0
"""After the run is gone: how long switching the board off may take."""
SHARED_SCOPES: dict[str, type[pytest.Collector]] = {
    "package": pytest.Package,
    "module": pytest.Module,
    "class": pytest.Class,
}
"""Fixtures of these scopes keep tests together, widest first."""


class Link:
    """The connection with the run. What comes is read at once, so that the end of the run is seen in mid-test."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._inbox: queue.SimpleQueue[Take | End] = queue.SimpleQueue()
        self.start: Start = connection.recv()
        threading.Thread(target=self._listen, name="link", daemon=True).start()

    def send(self, message: Message) -> None:
        """Tell the run; when it is gone there is nobody to tell."""
        with self._lock:
            try:
                self._connection.send(message)
            except OSError:
                return

    def next(self) -> Take | End:
        """Return what to do next, as soon as the run says it, or is gone."""
        return self._inbox.get()

    def told_to_end(self) -> bool:
        """Whether the run wants no more of what it gave us."""
        return not self._inbox.empty()

    def _listen(self) -> None:
        try:
            while True:
                self._inbox.put(self._connection.recv())
        except (OSError, EOFError):
            if LEASED in os.environ:
                os._exit(ExitCode.INFRASTRUCTURE)
            self._inbox.put(End())
            threading.Timer(LAST_WORDS_SECONDS, os._exit, (ExitCode.INFRASTRUCTURE,)).start()
            os.kill(os.getpid(), signal.SIGTERM)


class RemoteRun:
    """The record of this session is written by the run."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.path = link.start.path
        self.seat = link.start.seat
        self.failed = ""

    def plan(self, ids: Iterable[str]) -> None:
        """`Worker` says it, in groups."""

    def begin(self, id: str) -> None:
        """Say that a test starts."""
        self._link.send(Begun(id))

    def retry(self, id: str, attempt: Attempt) -> None:
        """Say that a test did not pass and runs again."""
        self._link.send(Retried(id, attempt))

    def add(self, case: Case) -> None:
        """Hand over a test that has ended."""
        self._link.send(Done(case))

    def add_stage(self, stage: Stage) -> None:
        """Hand over that the board was brought into a state."""
        self._link.send(Staged(stage))

    def add_fault(self, fault: Fault) -> None:
        """Hand over something that went wrong outside of every test."""
        self._link.send(Faulted(fault))

    def event(self, name: str, /, **details: Any) -> None:
        """Hand over an event."""
        self._link.send(Happened(name, details))

    def finish(self, exit_code: ExitCode, *, interrupted: bool = False) -> None:
        """`main` says it, at the very end."""


class Worker:
    """The plugin that lets the run decide what this session runs."""

    def __init__(self, link: Link) -> None:
        self._link = link

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Leave to the run what another board may do better: to try again what this one failed for."""
        config.option.retry = replace(config.option.retry, infra=0)

    def pytest_hil_open_run(self, board: BoardOfRun) -> RemoteRun:
        """Report to the run instead of opening a record."""
        self._link.send(Opened(board.provenance))
        return RemoteRun(self._link)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run what the run gives us, as long as board and session are well."""
        from hil.session.plugin.between import Between  # pytest wants to import its plugins itself

        if session.testsfailed and not session.config.option.continue_on_collection_errors:
            raise session.Interrupted(f"{session.testsfailed} errors during collection")
        items = {item.nodeid: item for item in session.items}
        between = Between.of(session)
        self._link.send(Planned(groups(session.items)))
        self._link.send(Ready())
        while isinstance(given := self._link.next(), Take):
            for item, following in zip(
                (items[id] for id in given.ids), (*(items[id] for id in given.ids[1:]), between), strict=True
            ):
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
                if session.shouldfail:
                    raise session.Failed(session.shouldfail)
                if session.shouldstop:
                    raise session.Interrupted(session.shouldstop)
                if self._board_is_broken(session.config):
                    return True
                if self._link.told_to_end():
                    break
            else:
                self._link.send(Ready())
        return True

    def _board_is_broken(self, config: pytest.Config) -> bool:
        # pytest wants to import its plugins itself
        from hil.session.plugin.board import refuse_broken
        from hil.session.plugin.classify import BlockedError, classify
        from hil.session.plugin.environment import environment

        env = environment(config)
        try:
            if env:
                refuse_broken(env)
        except BlockedError as error:
            self._link.send(Broken(classify(error, "setup")))
            return True
        return False


def groups(items: Iterable[pytest.Item]) -> tuple[tuple[str, ...], ...]:
    """Return the ids of `items` in their order, with those together that share a fixture of a class, module or package.

    A group ends where the next one begins: what shares nothing is a group of its own.
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
    """The node with which the widest shared fixture of a test ends; empty when it shares none."""
    definitions = getattr(item, "_fixtureinfo", None)
    scopes = {each.scope for one in definitions.name2fixturedefs.values() for each in one} if definitions else set()
    for scope, kind in SHARED_SCOPES.items():
        if scope in scopes:
            node = item.getparent(kind) or item.getparent(pytest.Module)
            return node.nodeid if node else item.session.nodeid
    return ""


def main(connection: Connection, log: Path, environment: Mapping[str, str]) -> None:
    """Run one pytest session for the run at the other end of `connection`; what pytest says goes to `log`."""
    gc.freeze()  # what is shared with all others at seats is no garbage; pytest looks for some five times at its end
    os.setpgid(0, 0)  # a Ctrl-C is for the run, which tells its processes
    with log.open("ab") as output:
        for stream in (1, 2):
            os.dup2(output.fileno(), stream)
    os.environ.update(environment)
    link = Link(connection)
    code = pytest.main([*QUIET, *link.start.arguments], plugins=[Worker(link)])
    known = code in {int(one) for one in ExitCode}
    link.send(Finished(ExitCode(code) if known else ExitCode.USAGE))
