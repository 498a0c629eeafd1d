"""Writes a run again and again, and is killed at each point of writing it: `python -m tests.report.killing FOLDER`.

A process of its own, since one with threads cannot be trusted to fork.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hil.files
import hil.record.run
from hil.errors import ExitCode
from hil.record import BoardOfRun, Case, ConsoleSlice, Fault, FaultKind, Outcome, Provenance, Run
from hil.report import write_reports

if TYPE_CHECKING:
    from types import FrameType

FILES = {hil.files.__file__, hil.record.run.__file__}
WRITERS = {"write_atomically", "replaced_atomically", "link_atomically", "_open", "_append", "_write"}
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


def killed_after(lines: int, reports: Path) -> bool:
    """Write a run in a process that is killed after so many lines of the writers; returns whether it was."""
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
        write_run(reports)
    finally:
        os._exit(0)


def main(folder: Path) -> None:
    """Fill a folder for each way in which the writer can be killed, the last one with a run that was not."""
    write_run(folder / "whole")  # what is loaded now need not be loaded in each process
    for lines in itertools.count():
        reports = folder / f"{lines}"
        reports.mkdir()
        if not killed_after(lines, reports):
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]))
