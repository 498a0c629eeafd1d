"""The summary says what to look at first."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace
from rich.console import Console

from hil.errors import ExitCode
from hil.record import BoardOfRun, Case, Fault, FaultKind, Outcome, Provenance, Record
from hil.record.verdict import count, verdict
from hil.report.summary import CAUSES_SHOWN, summary

LOST = Fault(
    FaultKind.INFRASTRUCTURE,
    "call",
    "BoardDied",
    "the emulator\x1b[2J is gone",
    stage="monitor",
    console="monitor: bye",
    hint="look at its standard error",
)


def shown(*cases: Case, code: ExitCode) -> list[str]:
    """Render the summary as in a pipe."""
    record = Record(
        "run-1",
        "rpi4",
        "",
        (BoardOfRun("rpi4", Provenance(firmware_hash="f" * 64)),),
        verdict=verdict(code),
        exit_code=code,
        counts=count(cases),
        cases=tuple(replace(case, board="rpi4") for case in cases),
    )
    console = Console(width=100, highlight=False, soft_wrap=True)
    with console.capture() as output:
        console.print(summary(record, Path("reports/run-1"), plain=True))
    return [line.rstrip() for line in output.get().splitlines()]


def test_columns_without_a_number_are_left_out() -> None:
    lines = shown(Case("suites/tpm/test_a.py::test", Outcome.PASSED, 1.5), code=ExitCode.PASSED)
    assert lines[0].split() == ["suite", "passed", "failed", "seconds", "verdict"]
    assert lines[1].split() == ["tpm", "1", "0", "1.5", "passed"]


def test_a_lost_board_is_told_in_three_lines_after_its_name() -> None:
    lines = shown(Case("suites/tpm/test_a.py::test", Outcome.ERROR, faults=(LOST,)), code=ExitCode.INFRASTRUCTURE)
    start = lines.index("suites/tpm/test_a.py::test: infrastructure")
    assert lines[start + 1 : start + 4] == [
        r"  the emulator\x1b[2J is gone",
        "  at stage monitor; last heard on monitor: bye",
        "  try: look at its standard error",
    ]
    assert "infrastructure" in lines[0].split()


def test_many_failures_do_not_bury_the_verdict() -> None:
    cases = [Case(f"suites/tpm/test_a.py::test[{n}]", Outcome.ERROR, faults=(LOST,)) for n in range(CAUSES_SHOWN + 5)]
    lines = shown(*cases, code=ExitCode.INFRASTRUCTURE)
    assert "... and 5 more" in lines
    assert lines[-1] == "board rpi4, firmware ffffffffffff: infrastructure (exit code 3); record in reports/run-1"


def test_markup_in_a_message_is_shown_as_it_is() -> None:
    fault = Fault(FaultKind.FIRMWARE, "call", "AssertionError", "[red]assert[/] a[0] == [b]", finding=True)
    lines = shown(Case("suites/tpm/test_a.py::test", Outcome.FAILED, faults=(fault,)), code=ExitCode.FINDINGS)
    assert "  [red]assert[/] a[0] == [b]" in lines


def test_what_is_for_other_boards_takes_one_line() -> None:
    reason = "this board has no linux"
    unfit = [
        Case(f"suites/linux/test_a.py::test[{n}]", Outcome.SKIPPED, reason=reason, unfit=True, board="rpi4")
        for n in range(54)
    ]
    lines = shown(Case("suites/tpm/test_a.py::test", Outcome.PASSED), *unfit, code=ExitCode.PASSED)
    assert f"for other boards: 54 ({reason})" in lines
    assert not any("linux" in line and "54" not in line for line in lines)
    assert "skipped" not in lines[0]
