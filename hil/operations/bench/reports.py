"""Measures reports on many tests, and the reading of many runs. Needs no board and no firmware."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from hil.errors import ExitCode
from hil.operations.bench.figures import Goal, Row, Section, Series
from hil.record import Attempt, BoardOfRun, Case, ConsoleSlice, Outcome, Provenance, Run, load
from hil.report import write_reports
from hil.report.assemble import assemble
from hil.report.compare import compare
from hil.report.history import history
from hil.report.index import INDEX_FILE

if TYPE_CHECKING:
    from collections.abc import Callable

CASES = 10_000
"""How many tests the large run has."""
RUNS, CASES_OF_RUN = 200, 700
"""How many runs the history reads, and how many tests each has."""
SAID = "[    1.000000] < a line as a console of the board may well say it\n" * 20
STARTED = "2026-11-23T16:00:00.000Z"


def measure(note: Callable[[str], None]) -> Section:
    """Write and read made-up runs in a temporary folder; `note` is called with each step."""
    with tempfile.TemporaryDirectory(prefix="hil-bench-") as folder:
        reports = Path(folder) / "reports"
        note(f"the reports of {CASES} cases")
        began = time.process_time()
        large = _run(reports, CASES)
        written = time.process_time()
        write_reports(load(large), large)
        reported = time.process_time()
        note("comparing and merging them")
        other = _run(reports, CASES)
        compared = _timed(lambda: compare(large, other))
        merged = _timed(lambda: assemble([large, other], Path(folder) / "whole"))
        note(f"{RUNS} runs of {CASES_OF_RUN} cases")
        past = Path(folder) / "past"
        for _ in range(RUNS):
            _run(past, CASES_OF_RUN)
        for index in past.glob(f"*/{INDEX_FILE}"):
            index.unlink()
        cold = _timed(lambda: history(past, RUNS))
        warm = _timed(lambda: history(past, RUNS))
    whole = reported - began
    past_runs = f"history of {RUNS} runs of {CASES_OF_RUN} cases"
    return Section(
        "reports",
        f"processor time, one sample each; {len(SAID)} characters of console per case",
        (
            Row(f"record of {CASES} cases", _once(written - began)),
            Row("its JUnit and its page", _once(reported - written), (Goal("with the record < 10 s", whole < 10),)),
            Row("comparing two of them", _once(compared)),
            Row("merging two of them, with all reports", _once(merged)),
            Row(past_runs, _once(warm), (Goal("< 2 s", warm < 2),)),
            Row("the same for the first time", _once(cold)),
        ),
    )


def _run(reports: Path, cases: int) -> Path:
    provenance = Provenance(firmware_hash="f" * 64, git_commit="c" * 40)
    run = Run(reports, BoardOfRun("made-up", provenance))
    console = (ConsoleSlice("monitor", SAID),)
    for number in range(cases):
        id = f"suites/subject{number % 9}/test_made_up.py::test_number[{number}]"
        attempt = Attempt(1, Outcome.PASSED, STARTED, 0.1, "made-up", console=console)
        run.begin(id)
        run.add(Case(id, Outcome.PASSED, 0.1, board="made-up", console=console, attempts=(attempt,)))
    run.finish(ExitCode.PASSED)
    return run.path


def _timed(action: Callable[[], object]) -> float:
    began = time.process_time()
    action()
    return time.process_time() - began


def _once(seconds: float) -> dict[str, Series]:
    return {"ours": Series("s", (seconds,))}
