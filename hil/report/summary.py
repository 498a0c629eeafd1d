"""The end of a run on a terminal: a table of suites, and the first lines to read about each failure."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rich.console import Group
from rich.text import Text

from hil.coverage import Summary
from hil.fittedtable import FittedTable
from hil.record.case import FaultKind, Outcome
from hil.record.verdict import Verdict, count
from hil.report.headlines import explanation
from hil.report.text import visible

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import RenderableType

    from hil.record import BoardOfRun, Case, Counts, Record

STYLE = {
    Verdict.PASSED: "green",
    Verdict.FLAKY: "yellow",
    Verdict.FINDINGS: "red",
    Verdict.USAGE: "yellow",
    Verdict.INFRASTRUCTURE: "magenta",
    Verdict.INTERRUPTED: "yellow",
    Verdict.NOTHING_RAN: "yellow",
    Verdict.RUNNING: "yellow",
    Verdict.KILLED: "magenta",
}

COLUMNS = ("passed", "flaky", "failed", "infrastructure", "errors", "xfailed", "quarantined", "skipped", "not_run")
ALWAYS_SHOWN = ("passed", "failed")

CAUSES_SHOWN = 10
"""Failures that are explained below the table; the report has all."""
REASONS_SHOWN = 3
"""Reasons for which tests were not carried out, or expected to fail, most frequent first."""


def summary(record: Record, report: Path, *, plain: bool = False) -> RenderableType:
    """Return table, explanations and verdict of `record`, whose directory is `report`; `plain` draws no lines."""
    return Group(
        _table(record, plain=plain),
        *(Text(line) for line in reasons(record)),
        *_explanations(record),
        *_quarantine(record),
        *(_board_line(board) for board in record.boards if len(record.boards) > 1),
        *_unknown_commit(record),
        *_coverage(report),
        _closing(record, report),
    )


def _table(record: Record, *, plain: bool) -> FittedTable:
    columns = columns_of(record.counts)
    several = len(record.boards) > 1
    numbers = [heading.replace("_", " ") for heading in (*columns, "seconds")]
    names = ("board", "suite") if several else ("suite",)
    table = FittedTable(*names, *numbers, "verdict", right=numbers, plain=plain)
    for board, subject, cases in record.suites():
        counts = count(cases)
        if counts.unfit < counts.total:
            cells = _cells(columns, counts, sum(case.duration for case in cases))
            table.add_row(*([board.name] if several else []), subject, *cells, _word(counts))
    table.add_section()
    cells = _cells(columns, record.counts, record.duration)
    table.add_row(*([""] if several else []), "all", *cells, Text(*_verdict(record)))
    return table


def columns_of(counts: Counts) -> list[str]:
    """Return the columns of a table of suites whose sums these are: those that have a number, and some always."""
    return [name for name in COLUMNS if getattr(counts, name) or name in ALWAYS_SHOWN]


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
    if counts.flaky:
        return Text("flaky", STYLE[Verdict.FLAKY])
    if counts.passed or counts.xfailed or counts.quarantined:
        return Text("passed", STYLE[Verdict.PASSED])
    return Text("not run", STYLE[Verdict.USAGE])


def reasons(record: Record) -> list[str]:
    """Return a line each for what no board could offer, what was skipped, fails as expected, and did not run."""
    kinds = {
        "for other boards": [case for case in record.cases if case.unfit],
        "skipped": [
            case for case in record.cases if case.outcome is Outcome.SKIPPED and not (case.unfit or case.never_started)
        ],
        "expected to fail": [case for case in record.cases if case.outcome is Outcome.XFAILED],
        "not run": [case for case in record.cases if case.never_started],
    }
    lines = []
    for kind, cases in kinds.items():
        told = Counter(case.reason.removeprefix("not run: ") for case in cases)
        shown = [f"{number} ({reason})" for reason, number in told.most_common(REASONS_SHOWN)]
        if len(told) > REASONS_SHOWN:
            shown.append("...")
        if shown:
            lines.append(visible(f"{kind}: {', '.join(shown)}"))
    return lines


def _explanations(record: Record) -> list[Text]:
    several = len(record.boards) > 1
    bad = [case for case in record.cases if case.deciding and not case.reason]
    told = [(_title(case, str(case.fault), several=several), case.faults[0], str(case.path)) for case in bad]
    told += [
        (f"{fault.board if several else 'the run itself'}: {fault.kind}", fault, "")
        for fault in record.faults
        if fault.kind in _OF_BOARDS
    ]
    flaky = [case for case in record.cases if case.outcome is Outcome.FLAKY and not case.quarantined]
    for case in flaky:
        title = _title(case, f"flaky, passed at attempt {len(case.attempts)}", several=several)
        told.append((title, case.attempts[0].faults[0], str(case.path)))
    texts = [Text("\n".join([title, *explanation(fault, file=file)])) for title, fault, file in told[:CAUSES_SHOWN]]
    if len(told) > CAUSES_SHOWN:
        texts.append(Text(f"... and {len(told) - CAUSES_SHOWN} more"))
    return texts


def _quarantine(record: Record) -> list[Text]:
    """A line for each case whose outcome does not count: how it went, and who is to mend it."""
    several = len(record.boards) > 1
    lines = []
    for case in record.cases:
        if (why := case.quarantined) and case.attempts:
            failed = sum(bool(attempt.faults) for attempt in case.attempts)
            went = f"failed {failed} of {len(case.attempts)}" if failed else f"passed {len(case.attempts)}"
            well = ", well again" if not failed and len(case.attempts) > 1 else ""
            lines.append(f"{_title(case, f'in quarantine, {went}{well}', several=several)} ({why.owner}: {why.reason})")
    return [Text(visible(line)) for line in lines]


_OF_BOARDS = {FaultKind.INFRASTRUCTURE, FaultKind.USAGE}


def _title(case: Case, how: str, *, several: bool) -> str:
    return f"{f'{case.board}: ' if several else ''}{case.id}: {how}"


def _unknown_commit(record: Record) -> list[Text]:
    """A line for each reason for which the record does not say what the suites were."""
    reasons = dict.fromkeys(board.provenance.git_unknown for board in record.boards)
    return [Text(visible(f"commit unknown: {reason}"), "yellow") for reason in reasons if reason]


def _coverage(report: Path) -> list[Text]:
    found = Summary.from_run(report)
    return [Text(str(found))] if found else []


def _board_line(board: BoardOfRun) -> Text:
    return Text(f"board {board.name}, firmware {board.provenance.firmware_hash[:12] or 'unknown'}")


def _closing(record: Record, report: Path) -> Text:
    if len(record.boards) == 1:
        (board,) = record.boards
        what = _board_line(board)
    else:
        what = Text(f"{len(record.boards)} boards")
    ended = "it goes on" if record.exit_code is None else f"exit code {record.exit_code}"
    return Text.assemble(what, ": ", _verdict(record), f" ({ended}); record in {report}")
