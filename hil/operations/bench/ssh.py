"""Measures Linux over SSH: a cold start, a start from a snapshot, and commands, also with labgrid's SSHDriver."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING, Any

from labgrid import Environment
from labgrid.driver import SSHDriver

from hil.board.ssh import Shell
from hil.deadline import Deadline
from hil.errors import InfrastructureError, MissingTool
from hil.operations.bench.figures import Goal, Row, Section, Series, ratio, take_turns

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from hil.board.ssh import Session

COLD_STARTS = 3
FORKS = 7
CONNECTIONS = 7
ROUND_TRIPS = 40
IN_A_ROW = 5
ROWS = 10
COMMAND = "true"
ANSWER_SECONDS = 60.0
COLD_SECONDS = 6.0
WARM_SECONDS = 1.0
ROUND_TRIP_RATIO = 0.25


def measure(board: Path, note: Callable[[str], None]) -> Section:
    """Measure the board of file `board`, which boots into Linux; `note` is called with each step."""
    if shutil.which("ssh") is None:
        raise MissingTool("labgrid's SSHDriver needs `ssh`, which is not on this machine", hint="openssh-client")
    target = Environment(str(board)).get_target("main")
    strategy = target.get_driver("BoardStrategy")
    driver = target.get_driver("ParamikoDriver", activate=False)
    labgrid = SSHDriver(target, "labgrid", keyfile=driver.keyfile, username=driver.username)
    try:
        note("cold starts")
        cold = take_turns({"ours": lambda: _cold(strategy)}, COLD_STARTS, "s", warm_up=0)

        note("snapshots")
        warm = take_turns({"ours": lambda: _warm(strategy)}, FORKS, "s", warm_up=1)

        note("connections")
        connections = {"ours": lambda: _reconnect(driver), "labgrid": lambda: _activate(target, labgrid)}
        connected = take_turns(connections, CONNECTIONS, "s")

        note("commands")
        target.activate(labgrid)
        with Shell(driver.session, Deadline.after(ANSWER_SECONDS)) as shell:
            implementations = {
                "ours": lambda: _command(driver),
                "own channel": lambda: _own_channel(driver.session),
                "one shell": lambda: _line(shell),
                "labgrid": lambda: _command(labgrid),
            }
            trips = take_turns(implementations, ROUND_TRIPS, "s", warm_up=3)
            rows = take_turns({name: _in_a_row(once) for name, once in implementations.items()}, ROWS, "s")
    finally:
        target.cleanup()
    return Section(
        "ssh",
        f"`{COMMAND}` on the same board; `ours` by the runner, if the board has it; `own channel` without it; "
        "`one shell` in a shell that stays; implementations take turns; medians, and the range of samples below them",
        (
            Row(
                "start to SSH ready",
                cold,
                (Goal(f"≤ {COLD_SECONDS:g} s", cold["ours"].median <= COLD_SECONDS),),
            ),
            Row(
                "snapshot to answer",
                warm,
                (Goal(f"≤ {WARM_SECONDS:g} s", warm["ours"].median <= WARM_SECONDS),),
            ),
            Row("connection", connected),
            Row("command round trip", trips, (_at_most(trips),)),
            Row(f"one of {IN_A_ROW} commands in a row", rows, (_at_most(rows),)),
        ),
    )


def _at_most(row: Mapping[str, Series]) -> Goal:
    times = ratio(row, "ours", "labgrid")
    return Goal(f"{times:.2f} times labgrid, ≤ {ROUND_TRIP_RATIO:g}", times <= ROUND_TRIP_RATIO)


def _timed(action: Callable[[], Any]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def _cold(strategy: Any) -> float:
    strategy.transition("off")
    strategy.transition("flashed")
    return _timed(lambda: strategy.transition("linux"))


def _warm(strategy: Any) -> float:
    def fork_and_ask() -> None:
        strategy.fork_linux().run(COMMAND, deadline=Deadline.after(ANSWER_SECONDS)).check()

    return _timed(fork_and_ask)


def _reconnect(driver: Any) -> float:
    return _timed(lambda: driver.connect(Deadline.after(ANSWER_SECONDS)))


def _activate(target: Any, driver: SSHDriver) -> float:
    target.deactivate(driver)
    return _timed(lambda: target.activate(driver))


def _in_a_row(once: Callable[[], float]) -> Callable[[], float]:
    return lambda: sum(once() for _ in range(IN_A_ROW)) / IN_A_ROW


def _own_channel(session: Session) -> float:
    deadline = Deadline.after(ANSWER_SECONDS)
    return _timed(lambda: session.start(COMMAND, stdin=b"", deadline=deadline).wait(deadline).check())


def _line(shell: Shell) -> float:
    return _timed(lambda: shell.run(COMMAND, deadline=Deadline.after(ANSWER_SECONDS)).check())


def _command(driver: Any) -> float:
    def ask() -> None:
        _, _, status = driver.run(COMMAND, timeout=ANSWER_SECONDS)
        if status != 0:
            raise InfrastructureError(f"`{COMMAND}` ended with status {status}", hint="is the board still up?")

    return _timed(ask)
