"""The end of a run on a terminal: a table of suites, and the first lines to read about each failure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
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

COLUMNS = ("passed", "failed", "infrastructure", "errors", "xfailed", "skipped")
ALWAYS_SHOWN = ("passed", "failed")

CAUSES_SHOWN = 10
"""Failures that are explained below the table; the report has all."""


def summary(record: Record, report: Path, *, plain: bool = False) -> RenderableType:
    """Return table, explanations and verdict of `record`, whose directory is `report`; `plain` draws no lines."""
    return Group(_table(record, plain=plain), *_explanations(record), _closing(record, report))


def _table(record: Record, *, plain: bool) -> Table:
    columns = [name for name in COLUMNS if getattr(record.counts, name) or name in ALWAYS_SHOWN]
    table = Table(box=None if plain else box.SIMPLE_HEAD)
    table.add_column("suite")
    for heading in (*columns, "seconds"):
        table.add_column(heading, justify="right")
    table.add_column("verdict")
    for subject in dict.fromkeys(case.subject for case in record.cases):
        cases = [case for case in record.cases if case.subject == subject]
        table.add_row(
            subject, *_cells(columns, count(cases), sum(case.duration for case in cases)), _word(count(cases))
        )
    table.add_section()
    table.add_row("all", *_cells(columns, record.counts, record.duration), Text(*_verdict(record)))
    return table


def _cells(columns: list[str], counts: Counts, seconds: float) -> list[str]:
    return [*(str(getattr(counts, name)) for name in columns), f"{seconds:.1f}"]


def _verdict(record: Record) -> tuple[str, str]:
    return record.verdict.value, STYLE[record.verdict]


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
    bad = [case for case in record.cases if case.outcome in {Outcome.FAILED, Outcome.ERROR} and not case.reason]
    texts = [Text("\n".join(_explanation(case))) for case in bad[:CAUSES_SHOWN]]
    if len(bad) > CAUSES_SHOWN:
        texts.append(Text(f"... and {len(bad) - CAUSES_SHOWN} more"))
    return texts


def _explanation(case: Case) -> list[str]:
    """Name and kind, then what was seen, where, and what to try."""
    fault = case.faults[0]
    lines = [f"{case.id}: {fault.kind}", f"  {visible(fault.message)}"]
    if fault.stage or fault.console:
        lines.append(f"  at stage {fault.stage or 'unknown'}; last heard on {visible(fault.console) or 'no console'}")
    if fault.hint:
        lines.append(f"  try: {visible(fault.hint)}")
    return lines


def _closing(record: Record, report: Path) -> Text:
    return Text.assemble(
        f"board {record.board}, firmware {record.provenance.firmware_hash[:12] or 'unknown'}: ",
        _verdict(record),
        f" (exit code {record.exit_code}); record in {report}",
    )
