"""Whenever its writer is killed, a record can be read; its reports are whole or absent, and can be made anew."""

from __future__ import annotations

import io
import os
import shutil
import signal
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from xmlschema import XMLSchema

import hil.record.atomic
import hil.record.run
from hil.errors import ExitCode
from hil.record import BoardOfRun, Case, ConsoleSlice, Fault, FaultKind, Outcome, Provenance, Run, Verdict, load
from hil.report import write_reports
from hil.report.rebuild import Rebuilt
from tests.record.schema import assert_valid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

SCHEMA = XMLSchema(str(Path(__file__).parent / "junit.xsd"))
FILES = {hil.record.atomic.__file__, hil.record.run.__file__}
WRITERS = {"write_atomically", "link_atomically", "_open", "_append", "_write"}
"""All functions that write files: a run is killed before each line of theirs."""
WRONG = Fault(FaultKind.FIRMWARE, "call", "Panic", "bell \x07, escape \x1b[31m, \ud800", finding=True)
CASES = (
    Case("suites/a.py::test_good", Outcome.PASSED, board="rpi4"),
    Case("suites/a.py::test_bad", Outcome.FAILED, faults=(WRONG,), console=(ConsoleSlice("uart", "\x00\xff"),)),
)


def write_run(reports: Path) -> None:
    """Write a run from its first event to its last report."""
    run = Run(reports, BoardOfRun("rpi4", Provenance(host={"name": "bench"})))
    run.plan(case.id for case in CASES)
    for case in CASES:
        run.begin(case.id)
        run.add(case)
    write_reports(run.finish(ExitCode.FINDINGS), run.path)


def killed_after(lines: int, work: Callable[[], None]) -> bool:
    """Do `work` in a process of its own that is killed after so many lines of the writers; returns whether it was."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1] == signal.SIGKILL
    left = lines

    def trace(frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal left
        if frame.f_code.co_name not in WRITERS or frame.f_code.co_filename not in FILES:
            return None
        if event == "line":
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    try:
        sys.settrace(trace)
        work()
    finally:
        os._exit(0)


def kill_points(tmp_path: Path) -> Iterator[Path]:
    """Yield the directory of reports after each way in which the writer can be killed, and at last when it was not."""
    lines = 0
    killed = True
    while killed:
        reports = tmp_path / str(lines)
        reports.mkdir()
        killed = killed_after(lines, partial(write_run, reports))
        yield reports
        lines += 1


def test_a_killed_writer_leaves_a_record_that_can_be_read_and_reports_that_are_whole(tmp_path: Path) -> None:
    write_run(tmp_path / "warm")  # what is loaded now need not be loaded in each process
    seen: set[tuple[Verdict, bool]] = set()
    points = list(kill_points(tmp_path))
    for reports in points:
        runs = [path for path in reports.iterdir() if path.is_dir() and (path / "run.json").exists()]
        if (reports / "latest").is_symlink():
            assert (reports / "latest").resolve() == runs[0].resolve()
        for run in runs:
            record = load(run)
            assert_valid(run)
            assert record.cases == tuple(case.at("rpi4") for case in CASES[: len(record.cases)])
            junit, page = run / "junit.xml", run / "report.html"
            seen.add((record.verdict, junit.exists()))
            if junit.exists():
                SCHEMA.validate(io.BytesIO(junit.read_bytes()))
            if page.exists():
                assert page.read_text().rstrip().endswith("</html>")
            rebuilt = Rebuilt.of(run).junit()
            SCHEMA.validate(io.BytesIO(rebuilt))
            assert not junit.exists() or junit.read_bytes() == rebuilt
    assert len(points) > 60
    assert seen == {(Verdict.RUNNING, False), (Verdict.FINDINGS, False), (Verdict.FINDINGS, True)}


@pytest.fixture
def torn(tmp_path: Path) -> Path:
    """A run that was killed when it had written all its events but the last."""
    write_run(tmp_path)
    run = (tmp_path / "latest").resolve()
    begun = (run / "events.jsonl").read_text().splitlines()[0]
    assert '"run-started"' in begun
    shutil.rmtree(run / "rpi4", ignore_errors=True)
    (run / "run.json").unlink()
    return run


def test_events_that_end_anywhere_lose_only_what_is_torn(torn: Path) -> None:
    whole = (torn / "events.jsonl").read_bytes()
    first = whole.index(b"\n") + 1
    for end in range(first, len(whole), 5):
        (torn / "events.jsonl").write_bytes(whole[:end])
        record = load(torn)
        done = whole[:end].count(b'"event": "case", ')
        assert len(record.cases) in {done, done - 1}
