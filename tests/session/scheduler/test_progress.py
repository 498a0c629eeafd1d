"""What a person sees while a run on several boards goes on."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from hil.errors import ExitCode
from hil.record import BoardOfRun, Case, Fault, FaultKind, Outcome, Provenance, Run
from hil.session.scheduler.display import LiveDisplay
from hil.session.scheduler.estimate import Estimate, durations
from hil.session.scheduler.progress import show_progress
from hil.session.scheduler.terminal import CI, is_interactive

if TYPE_CHECKING:
    from pathlib import Path

FILE = "suites/tpm/test_a.py"
PASSED = Case(f"{FILE}::test_a", Outcome.PASSED, 1.0, board="rpi4")
UNSUPPORTED = Case(f"{FILE}::test_b", Outcome.SKIPPED, unfit=True, board="rpi4")
FAILED = Case(
    f"{FILE}::test_c",
    Outcome.FAILED,
    0.5,
    faults=(
        Fault(
            FaultKind.FIRMWARE,
            "call",
            "AssertionError",
            "wrong \x1b[2J level",
            details=f"{FILE}:7: AssertionError",
            stage="monitor",
            console="monitor: PANIC",
            hint="read it",
            finding=True,
        ),
    ),
    board="rpi4",
)
CASES = (PASSED, UNSUPPORTED, FAILED)


@pytest.fixture(autouse=True)
def _no_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(CI, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def shown(reports: Path, *, terminal: bool) -> str:
    """Return what is written when three tests of one file end."""
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=terminal, width=100)
    with show_progress(console, {"rpi4-1": "rpi4"}, reports) as progress:
        progress.seat("rpi4-1", "starting")
        progress.stage("rpi4-1", "firmware")
        progress.plan("rpi4", [case.id for case in CASES])
        for case in CASES:
            progress.seat("rpi4-1", case.id)
            progress.case(case)
        if isinstance(progress, LiveDisplay):
            console.print(progress)
        progress.seat("rpi4-1", "done")
    return screen.getvalue()


def test_a_log_has_a_line_for_each_failure_and_for_each_file(tmp_path: Path) -> None:
    lines = [line.partition("]")[2].strip() for line in shown(tmp_path, terminal=False).splitlines()]
    assert lines == [
        "rpi4-1  starting",
        rf"rpi4    {FILE}::test_c failed: wrong \x1b[2J level",
        f"rpi4    {FILE}  1 passed, 1 failed  1.5 s",
        "rpi4-1  done",
    ]


def test_a_terminal_shows_what_each_seat_does_and_how_far_its_board_is(tmp_path: Path) -> None:
    screen = shown(tmp_path, terminal=True)
    assert "test_a.py::test_c" in screen
    assert "3/3" in screen
    assert "1 passed" in screen


def test_a_failure_is_told_at_once_what_broke_where_and_what_to_look_at(tmp_path: Path) -> None:
    lines = [line.rstrip() for line in shown(tmp_path, terminal=True).splitlines()]
    start = next(number for number, line in enumerate(lines) if line.endswith("::test_c: firmware\x1b[0m"))
    assert lines[start + 1 : start + 4] == [
        rf"  wrong \x1b[2J level ({FILE}:7)",
        "  at stage monitor; last heard on monitor: PANIC",
        "  try: read it",
    ]


@pytest.mark.parametrize(("variable", "value"), [(CI, "true"), ("TERM", "dumb")])
def test_nothing_is_drawn_where_nobody_would_see_it(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    assert is_interactive(Console(force_terminal=True))
    monkeypatch.setenv(variable, value)
    assert not is_interactive(Console(force_terminal=True))


def test_no_color_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[3" not in drawn(Console(force_terminal=True, width=80, height=24, file=io.StringIO()), 3)


@pytest.mark.parametrize(("width", "height"), [(80, 24), (40, 24), (200, 60), (80, 8), (20, 4)])
@pytest.mark.parametrize("seats", [1, 12])
def test_twelve_boards_fit_into_every_terminal(width: int, height: int, seats: int) -> None:
    console = Console(force_terminal=True, width=width, height=height, file=io.StringIO(), color_system=None)
    lines = drawn(console, 12, seats=seats).splitlines()
    assert len(lines) <= height - 1
    assert max(map(len, lines)) <= width
    assert lines[-1].startswith("0:0")
    assert lines[0].startswith("bo")


def drawn(console: Console, boards: int, *, seats: int = 1) -> str:
    """Return the display of so many boards in mid-run, with so many seats each."""
    names = [f"board-{number:02}" for number in range(boards)]
    of = {f"{name}-{seat}" if seats > 1 else name: name for name in names for seat in range(seats)}
    estimate = Estimate()
    estimate.learn({(names[0], "f::test_0"): 2.0})
    display = LiveDisplay(console, of, estimate)
    for seat, board in of.items():
        display.seat(seat, f"suites/subject/test_file.py::test_with_a_long_name_{'x' * 80}")
        display.stage(seat, "monitor")
        display.plan(board, [f"f::test_{number}" for number in range(400)])
        display.case(Case("f::test_1", Outcome.PASSED, board=board))
        display.case(Case("f::test_2", Outcome.ERROR, board=board, faults=(), reason="blocked"))
    assert isinstance(console.file, io.StringIO)
    console.file.truncate(0)
    console.file.seek(0)
    console.print(display)
    return console.file.getvalue()


def test_the_expected_duration_is_the_median_of_earlier_runs(tmp_path: Path) -> None:
    for seconds in (1.0, 9.0, 2.0):
        run = Run(tmp_path, BoardOfRun("rpi4", Provenance()))
        run.add(Case("f::test", Outcome.PASSED, seconds))
        run.add(Case("f::test_failed", Outcome.FAILED, seconds))
        run.finish(ExitCode.PASSED)
    assert durations(tmp_path, {"rpi4"}) == {("rpi4", "f::test"): 2.0}
    assert durations(tmp_path, {"other"}) == {}


def test_time_left_is_what_is_left_to_run_at_the_pace_of_this_run() -> None:
    estimate = Estimate()
    estimate.plan("a", "slow")
    assert not estimate.is_known
    estimate.learn({("a", "slow"): 60.0, ("a", "quick"): 10.0})
    estimate.plan("a", "quick")
    estimate.plan("a", "new")
    assert estimate.left("a") == 60 + 10 + 35
    estimate.end("a", "quick", 20.0)  # a machine that is busy today
    assert estimate.left("a") == 2 * (60 + 35)
    estimate.end("a", "slow", 120.0)
    estimate.end("a", "new", 1.0)
    assert estimate.left("a") == 0
