"""What a person sees while a run on several boards goes on."""

from __future__ import annotations

import io

from rich.console import Console

from hil.pool.progress import watching
from hil.record import Case, Fault, FaultKind, Outcome

FILE = "suites/tpm/test_a.py"
PASSED = Case(f"{FILE}::test_a", Outcome.PASSED, 1.0, board="rpi4")
UNFIT = Case(f"{FILE}::test_b", Outcome.SKIPPED, unfit=True, board="rpi4")
FAILED = Case(
    f"{FILE}::test_c",
    Outcome.FAILED,
    0.5,
    faults=(Fault(FaultKind.FIRMWARE, "call", "AssertionError", "wrong \x1b[2J level", finding=True),),
    board="rpi4",
)


def shown(*, terminal: bool) -> str:
    """Return what is written when three tests of one file end."""
    screen = io.StringIO()
    with watching(Console(file=screen, force_terminal=terminal, width=100), ["rpi4-1"]) as progress:
        progress.seat("rpi4-1", "starting")
        progress.plan("rpi4", [case.id for case in (PASSED, UNFIT, FAILED)])
        for case in (PASSED, UNFIT, FAILED):
            progress.seat("rpi4-1", case.id)
            progress.case(case)
        progress.seat("rpi4-1", "done")
    return screen.getvalue()


def test_a_log_has_a_line_for_each_failure_and_for_each_file() -> None:
    lines = [line.partition("]")[2].strip() for line in shown(terminal=False).splitlines()]
    assert lines == [
        "rpi4-1  starting",
        rf"rpi4    {FILE}::test_c failed: wrong \x1b[2J level",
        f"rpi4    {FILE}  1 passed, 1 failed  1.5 s",
        "rpi4-1  done",
    ]


def test_a_terminal_shows_what_each_seat_does_and_how_far_its_board_is() -> None:
    screen = shown(terminal=True)
    assert "test_a.py::test_c" in screen
    assert "3/3  1 passed, 1 failed" in screen
    assert r"wrong \x1b[2J level" in screen
