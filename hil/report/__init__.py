"""What people and machines read about a run; made from its record alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil import coverage
from hil.errors import RecordFailed
from hil.record.packing import pack
from hil.record.verdict import Verdict
from hil.report.consolepage import write_consoles
from hil.report.history import RUNS_SEARCHED, last_runs
from hil.report.html import write_html
from hil.report.index import indexed
from hil.report.junit import write_junit
from hil.report.past import keep_past
from hil.report.stages import keep_usual

if TYPE_CHECKING:
    from pathlib import Path

    from hil.record import Record

__all__ = ["write_reports"]


def write_reports(record: Record, directory: Path) -> None:
    """Write all reports of `record` into its directory, each of them whole. Raises `RecordFailed` if one cannot be."""
    try:
        coverage.conclude(directory)
        if record.verdict is not Verdict.RUNNING:
            pack(directory)
        write_junit(record, directory)
        earlier, _ = last_runs(directory.parent, RUNS_SEARCHED, before=record.id)
        keep_usual(record, directory, earlier)
        keep_past(record, directory, earlier)
        write_consoles(record, directory)
        write_html(record, directory)
        indexed(directory)
    except OSError as error:
        why = f"the reports in {directory} cannot be written: {error.strerror}"
        raise RecordFailed(why, hint="make space, then `hil report`: the record is whole") from error
