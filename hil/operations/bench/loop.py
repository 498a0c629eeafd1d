"""Measures what a developer waits for: from a command, or from a changed line, to a verdict."""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hil.errors import ExitCode, InfrastructureError
from hil.operations.bench.figures import Goal, Row, Section, Series, turns
from hil.operations.bench.framework import LABGRID, OURS, with_tests
from hil.operations.bench.implementations import labgrid_environment
from hil.paths import CHECKOUT, HIL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hil.board.file.boardfile import BoardFile

ROUNDS = 5
FEW_ROUNDS = 3
MANY_ROUNDS = 2
"""For what takes longer."""
WARM_UP = 1
"""Rounds that do not count."""
MANY = 200
FORKS = 40
"""How many tests a suite has, to tell what each of them costs after the first one."""
RUN_SECONDS = 900.0

FORKED = """\
import pytest

from hil.deadline import Deadline


@pytest.mark.parametrize("number", range(TESTS))
def test_a_fork_answers(monitor, number):
    monitor.wait_ready(Deadline.after(5))
"""
GUEST = """\
def test_a_guest_answers(guest):
    assert guest.run("echo alive").text == "alive"
"""
EMPTY = """\
def test_nothing():
    pass
"""
COPIED = ("hil", "boards", "firmware", "docs/requirements.toml", "pyproject.toml", "README.md", "LICENSE")
"""What a checkout takes to build its firmware and to run a test."""
SERVICE_SOURCE = "firmware/service/tfa/service.c"
_ANNOUNCEMENT = re.compile(r"(?<=vTPM: service %d\.%d ready)")
"""Where the service says at boot that it is ready: a change of this line is seen on the console."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a command took, in seconds: by the clock, and of all processors, with those of its children."""

    wall: float
    processor: float


def measure(board: BoardFile, linux: BoardFile | None, root: Path, note: Callable[[str], None]) -> Section:
    """Measure commands in the tree at `root` on `board`, and one with a guest on `linux`; `note` gets each step."""
    with tempfile.TemporaryDirectory(prefix="hil-bench-") as folder:
        here = Path(folder)
        note("one test")
        first = _costs(_implementations(board, root, here, 1), ROUNDS)
        found = _rows("one test on a warm board", first, 1.0)
        note(f"{MANY} tests")
        found += _each(
            "each further one-line test",
            first,
            _costs(_implementations(board, root, here, MANY), MANY_ROUNDS),
            MANY,
            0.01,
        )
        note(f"{FORKS} forks")
        forks = {"ours": _hil(board, root, _suite(here / "forks", with_tests(FORKED, FORKS)))}
        found += _each("each further test on a fork of its own", first, _costs(forks, MANY_ROUNDS), FORKS)
        if linux:
            note("a guest")
            guest = {"ours": _hil(linux, root, _suite(here / "guest", GUEST))}
            found += _rows("one test of a Linux guest", _costs(guest, FEW_ROUNDS), 3.0)
        note("a misspelt name")
        misspelt = {"ours": _hil(board, root, f"{here / 'forks'}/test_loop.py::test_a_frok", expected=ExitCode.USAGE)}
        found += _rows("a misspelt name of a test", _costs(misspelt, FEW_ROUNDS))
        if (CHECKOUT / SERVICE_SOURCE).is_file():
            found += _edits(board, here, note)
    return Section(
        "loop",
        "whole commands in turns (A B C, C B A, ...), from the command line to the verdict, ours with the check that "
        "the firmware is up to date; ours forks its board, labgrid boots it, pytest runs an empty test without both",
        tuple(found),
    )


def _edits(board: BoardFile, here: Path, note: Callable[[str], None]) -> list[Row]:
    """Measure what changes of the service cost, in a copy of this checkout."""
    note("building in a copy of this checkout")
    copy = here / "copy"
    for name in COPIED:
        source = CHECKOUT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, copy / name)
    service = copy / SERVICE_SOURCE
    original = service.read_text(encoding="utf-8")
    run = _hil(board, copy, _suite(here / "edits", with_tests(OURS, 1)))
    run()

    def edit(number: int) -> Cost:
        service.write_text(_ANNOUNCEMENT.sub(f", change {os.getpid()}.{number}", original), encoding="utf-8")
        return run()

    def undo() -> Cost:
        service.write_text(original, encoding="utf-8")
        return run()

    def touch() -> Cost:
        service.chmod(service.stat().st_mode ^ 0o111)
        service.touch()
        return run()

    note("a changed line")
    pairs = [(edit(number), undo()) for number in range(WARM_UP + FEW_ROUNDS)]
    changed, restored = zip(*pairs[WARM_UP:], strict=True)
    note("another mode and time")
    touched = [touch() for _ in range(FEW_ROUNDS)]
    return [
        *_rows("a changed line of the service, to the verdict", {"ours": changed}, 5.0),
        *_rows("the line as it was before, to the verdict", {"ours": restored}),
        *_rows("the same content with another mode and time", {"ours": touched}),
    ]


def _implementations(board: BoardFile, root: Path, here: Path, tests: int) -> dict[str, Callable[[], Cost]]:
    """Return the runs of a suite with so many one-line tests by name: ours, labgrid's, and pytest with an empty one."""
    environment = here / "labgrid.yaml"
    environment.write_text(labgrid_environment(board.images["flash"]), encoding="utf-8")
    labgrid = _suite(here / f"labgrid-{tests}", with_tests(LABGRID, tests))
    implementations = {
        "ours": _hil(board, root, _suite(here / f"ours-{tests}", with_tests(OURS, tests))),
        "labgrid": _pytest(labgrid, "-p", "no:hil", "--lg-env", environment),
    }
    if tests == 1:
        implementations["pytest"] = _pytest(_suite(here / "empty", EMPTY), "-p", "no:hil", "-p", "no:labgrid")
    return implementations


def _suite(folder: Path, source: str) -> Path:
    folder.mkdir()
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    (folder / "test_loop.py").write_text(source, encoding="utf-8")
    return folder


def _hil(board: BoardFile, root: Path, suite: Path | str, *, expected: int = 0) -> Callable[[], Cost]:
    reports = Path(suite).parent / "reports"
    words = [*HIL, "run", "--board", board.name, "--hil-reports", str(reports), str(suite)]
    return lambda: _timed(words, root, expected)


def _pytest(suite: Path, *options: str | Path) -> Callable[[], Cost]:
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:hypothesispytest", *map(str, options), str(suite)]
    return lambda: _timed(words, suite)


def _timed(words: Sequence[str], directory: Path, expected: int = 0) -> Cost:
    """Run a command, and return what it took. Raises `InfrastructureError` if it ends with an unexpected status."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before, began = _used(), time.perf_counter()
    done = subprocess.run(
        words,
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=RUN_SECONDS,
    )
    cost = Cost(time.perf_counter() - began, _used() - before)
    if done.returncode != expected:
        said = (done.stdout + done.stderr).decode(errors="replace").splitlines()
        raise InfrastructureError(f"{' '.join(words)} ended with {done.returncode}", doing="timing it", console=said)
    return cost


def _used() -> float:
    """Return the processor time of all children that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _costs(implementations: Mapping[str, Callable[[], Cost]], rounds: int) -> dict[str, list[Cost]]:
    """Let implementations take turns."""
    costs: dict[str, list[Cost]] = {name: [] for name in implementations}
    for turn, name in turns(list(implementations), WARM_UP + rounds):
        cost = implementations[name]()
        if turn >= WARM_UP:
            costs[name].append(cost)
    return costs


def _rows(name: str, costs: Mapping[str, Sequence[Cost]], most: float = 0.0) -> list[Row]:
    """Return a row for the time by the clock, with the goal of at most so many seconds, and one for the processors."""
    wall = {of: Series("s", tuple(cost.wall for cost in found)) for of, found in costs.items()}
    processor = {of: Series("s", tuple(cost.processor for cost in found)) for of, found in costs.items()}
    goal = Goal(f"{wall['ours'].median:.2f} s, ≤ {most:g} s", wall["ours"].median <= most)
    return [Row(name, wall, (goal,) if most else ()), Row(f"{name}: processor time", processor)]


def _each(
    name: str,
    first: Mapping[str, Sequence[Cost]],
    all_of_them: Mapping[str, Sequence[Cost]],
    tests: int,
    most: float = 0.0,
) -> list[Row]:
    """Return the rows for a test that follows others, from suites with one and with so many tests."""
    whole = {of: Series("s", tuple(cost.wall for cost in found)) for of, found in all_of_them.items()}
    each = {
        of: Series("s", (max(0.0, (_processor(found) - _processor(first[of])) / (tests - 1)),))
        for of, found in all_of_them.items()
    }
    goal = Goal(f"{1000 * each['ours'].median:.1f} ms, ≤ {1000 * most:g} ms", each["ours"].median <= most)
    goals = [Goal(_ratio(whole), 2 * whole["ours"].median <= whole["labgrid"].median)] if "labgrid" in whole else []
    return [
        Row(f"{name}, {tests} of them: whole command", whole, tuple(goals)),
        Row(f"{name}: processor time", each, (goal,) if most else ()),
    ]


def _processor(costs: Sequence[Cost]) -> float:
    return min(cost.processor for cost in costs)


def _ratio(row: Mapping[str, Series]) -> str:
    return f"{row['ours'].median / row['labgrid'].median:.2f} times labgrid, ≤ 0.5"
