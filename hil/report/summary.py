"""The end of a run on a terminal: a table of suites, and the first lines to read about each failure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

from hil.record.case import Outcome
from hil.record.verdict import Verdict, count
from hil.report.text import visible

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import RenderableType

    from hil.record import Case, Counts, Record

STYLE = {
    Verdict.PASSED: "green",
    Verdict.FINDINGS: "red",
    Verdict.USAGE: "yellow",
    Verdict.INFRASTRUCTURE: "magenta",
    Verdict.INTERRUPTED: "yellow",
    Verdict.RUNNING: "yellow",
}

CAUSES_SHOWN = 10
"""Failures that are explained below the table; the report has all."""


def summary(record: Record, report: Path) -> RenderableType:
    """Return table, explanations and verdict of `record`, whose directory is `report`."""
    return Group(_table(record), *_explanations(record), _closing(record, report))


def _table(record: Record) -> Table:
    table = Table(title=f"{record.board}, firmware {record.provenance.firmware_hash[:12] or 'unknown'}")
    table.add_column("suite")
    for heading in ("passed", "failed", "infra", "errors", "xfailed", "skipped", "time/s"):
        table.add_column(heading, justify="right")
    table.add_column("verdict")
    for subject in dict.fromkeys(case.subject for case in record.cases):
        cases = [case for case in record.cases if case.subject == subject]
        counts = count(cases)
        table.add_row(subject, *_cells(counts, sum(case.duration for case in cases)), _word(counts))
    table.add_section()
    table.add_row("all", *_cells(record.counts, record.duration), _word(record.counts))
    return table


def _cells(counts: Counts, seconds: float) -> list[str]:
    numbers = (counts.passed, counts.failed, counts.infrastructure, counts.errors, counts.xfailed, counts.skipped)
    return [*(str(number) if number else "" for number in numbers), f"{seconds:.1f}"]


def _word(counts: Counts) -> Text:
    if counts.infrastructure:
        return Text("infrastructure", STYLE[Verdict.INFRASTRUCTURE])
    if counts.failed:
        return Text("findings", STYLE[Verdict.FINDINGS])
    if counts.errors:
        return Text("errors", STYLE[Verdict.FINDINGS])
    if counts.passed or counts.xfailed:
        return Text("passed", STYLE[Verdict.PASSED])
    return Text("not run", STYLE[Verdict.USAGE])


def _explanations(record: Record) -> list[Text]:
    bad = [case for case in record.cases if case.outcome in {Outcome.FAILED, Outcome.ERROR}]
    texts = [Text("\n".join(_explanation(case))) for case in bad[:CAUSES_SHOWN]]
    if len(bad) > CAUSES_SHOWN:
        texts.append(Text(f"... and {len(bad) - CAUSES_SHOWN} more"))
    return texts


def _explanation(case: Case) -> list[str]:
    """Name and kind, then what was seen, where, and what to try."""
    fault = case.faults[0]
    lines = [f"{case.id}: {fault.kind}", f"  {visible(fault.message)}"]
    said = [f"{piece.console}: {piece.text.splitlines()[-1]}" for piece in case.console[-1:]]
    where = "; ".join([*([f"stage {fault.stage}"] if fault.stage else []), *said])
    if where:
        lines.append(f"  at {visible(where)}")
    if fault.hint:
        lines.append(f"  try: {visible(fault.hint)}")
    return lines


def _closing(record: Record, report: Path) -> Text:
    text = Text("verdict: ")
    text.append(record.verdict.value, STYLE[record.verdict])
    text.append(f" (exit code {record.exit_code}), record: {report}")
    return text
