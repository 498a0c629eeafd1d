"""Measures the framework itself: hil, labgrid's own drivers and plain sockets, in one run."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from hil.errors import InfrastructureError
from hil.operations.bench.figures import Goal, Row, Section, Series, ratio, take_turns
from hil.operations.bench.implementations import (
    HilImplementation,
    Implementation,
    LabgridImplementation,
    SocketImplementation,
    labgrid_environment,
    running,
)
from hil.tools import run_tool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

BOOTS = 9
ROUND_TRIPS = 200
FORKS = 15
DEATHS = 3
TEST_RUNS = 3
TESTS = 200
SUITE_SECONDS = 120.0

OURS = """\
import pytest

from hil.deadline import Deadline


@pytest.fixture(scope="session")
def shell(board):
    return board.fork()


@pytest.mark.parametrize("number", range(TESTS))
def test_the_monitor_answers(shell, number):
    shell.wait_ready(Deadline.after(5))
"""
"""A suite for our plugin. The number of its tests stands for `TESTS`, in the one below, too."""

LABGRID = """\
import zlib

import pytest


@pytest.fixture(scope="session")
def console(target):
    qemu = target.get_driver("QEMUDriver")
    qemu.on()
    qemu.expect("monitor: ready")
    return qemu


@pytest.mark.parametrize("number", range(TESTS))
def test_the_monitor_answers(console, number):
    body = f"{number + 1:x} ping"
    console.sendline(f":{body} *{zlib.crc32(body.encode()):08x}")
    console.expect(r"=[0-9a-f]+ ok[^\\n]*\\n")
"""
"""The same for labgrid alone."""


def measure(board: Path, flash: Path, note: Callable[[str], None]) -> Section:
    """Run all comparisons on the board of file `board` with the firmware `flash`; `note` is called with each step."""
    ours, labgrid, raw = HilImplementation(board), LabgridImplementation(flash), SocketImplementation(flash)
    implementations: Mapping[str, Implementation] = {"ours": ours, "labgrid": labgrid, "raw socket": raw}

    note("spawn to prompt")
    boots = take_turns(
        {name: _boot_once(implementation) for name, implementation in implementations.items()}, BOOTS, "s"
    )

    note("console round trips")
    with running(ours), running(labgrid), running(raw):
        trips = take_turns(
            {name: implementation.round_trip for name, implementation in implementations.items()},
            ROUND_TRIPS,
            "s",
            warm_up=5,
        )

    note("forks from the snapshot")
    try:
        forks = take_turns({"ours": _with_pause(ours.fork)}, FORKS, "s", warm_up=2)
    finally:
        ours.stop()

    note("the emulator's death")
    deaths = take_turns(
        {name: _die_once(implementation) for name, implementation in implementations.items()}, DEATHS, "s", warm_up=0
    )

    note(f"{TESTS} one-line tests")
    tests = _tests(board, flash)

    return Section(
        "framework",
        "implementations take turns (A B C, C B A, ...); medians, and the range of samples below them",
        (
            Row("spawn to prompt", boots),
            Row("console round trip", trips, (_at_most(trips, "raw socket", 2),)),
            Row(f"{TESTS} one-line console tests, whole pytest run", tests, (_at_most(tests, "labgrid", 0.5),)),
            Row("emulator death seen", deaths, (Goal("< 0.1 s", deaths["ours"].high < 0.1),)),
            Row("fork from snapshot to first answer", forks, (Goal("< 0.1 s", forks["ours"].median < 0.1),)),
        ),
    )


def _at_most(row: Mapping[str, Series], other: str, limit: float) -> Goal:
    found = ratio(row, "ours", other)
    return Goal(f"{found:.2f} times {other}, ≤ {limit:g}", found <= limit)


def _boot_once(implementation: Implementation) -> Callable[[], float]:
    def once() -> float:
        try:
            return implementation.boot()
        finally:
            implementation.stop()

    return once


def _die_once(implementation: Implementation) -> Callable[[], float]:
    def once() -> float:
        implementation.boot()
        try:
            return implementation.death()
        finally:
            if isinstance(implementation, SocketImplementation):
                implementation.stop()

    return once


def _with_pause(fork: Callable[[], float]) -> Callable[[], float]:
    """Pause before each fork, as a test would: meanwhile the next fork is prepared in the background."""

    def once() -> float:
        time.sleep(0.3)
        return fork()

    return once


def _tests(board: Path, flash: Path) -> dict[str, Series]:
    with tempfile.TemporaryDirectory(prefix="hil-bench-") as folder:
        root = Path(folder)
        (root / "labgrid.yaml").write_text(labgrid_environment(flash), encoding="utf-8")
        suites = dict(_suites(root, board))
        return take_turns({name: _run_suite(*suite) for name, suite in suites.items()}, TEST_RUNS, "s", warm_up=1)


def _suites(root: Path, board: Path) -> Iterator[tuple[str, tuple[Path, Path, tuple[str, ...]]]]:
    for name, source, environment, options in (
        ("ours", OURS, board, ("-p", "hil.session.plugin")),
        ("labgrid", LABGRID, root / "labgrid.yaml", ()),
    ):
        folder = root / name
        folder.mkdir()
        (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        (folder / f"test_{name}.py").write_text(with_tests(source, TESTS), encoding="utf-8")
        yield name, (folder, environment, options)


def with_tests(source: str, number: int) -> str:
    """Return the source of a suite with so many tests."""
    return source.replace("TESTS", str(number))


def _run_suite(folder: Path, environment: Path, options: tuple[str, ...]) -> Callable[[], float]:
    """Return a function that runs a whole pytest process, with cached modules, without plugins that neither uses."""
    plain = ("-q", "-p", "no:cacheprovider", "-p", "no:hypothesispytest")
    command = [sys.executable, "-m", "pytest", *plain, "--lg-env", str(environment), *options]
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}

    doing = f"timing {TESTS} tests in {folder}"

    def run() -> float:
        started = time.perf_counter()
        output = run_tool(command, seconds=SUITE_SECONDS, directory=folder, environment=environ, doing=doing)
        seconds = time.perf_counter() - started
        if f"{TESTS} passed" not in output.text:
            said = output.text.splitlines()
            raise InfrastructureError(f"not all of the {TESTS} tests passed", doing=doing, console=said)
        return seconds

    return run
