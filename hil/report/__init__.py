"""What people and machines read about a run; made from its record alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil import coverage
from hil.errors import RecordFailed
from hil.report.html import write_html
from hil.report.index import indexed
from hil.report.junit import write_junit
from hil.report.stages import keep_usual

if TYPE_CHECKING:
    from pathlib import Path

    from hil.record import Record

__all__ = ["write_reports"]


def write_reports(record: Record, directory: Path) -> None:
    """Write all reports of `record` into its directory, each of them whole. Raises `RecordFailed` if one cannot be."""
    try:
        coverage.conclude(directory)
        write_junit(record, directory)
        keep_usual(record, directory)
        write_html(record, directory)
        indexed(directory)
    except OSError as error:
        why = f"the reports in {directory} cannot be written: {error.strerror}"
        raise RecordFailed(why, hint="make space, then `hil report`: the record is whole") from error
