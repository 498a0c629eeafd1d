"""A run as Markdown, for the pages on which CI servers show summaries: verdict, suites, and what to look at first."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hil.record.verdict import count
from hil.report.failures import failure_groups
from hil.report.headlines import explanation
from hil.report.html import MEANING
from hil.report.summary import columns_of, reasons
from hil.report.text import shortened, visible

if TYPE_CHECKING:
    from hil.record import Counts, Record
    from hil.report.failures import FailureGroup

MOST_BYTES = 1024 * 1024
"""GitHub shows no summary of a step that is longer."""
DETAIL_CHARACTERS = 4_000
"""So much of what pytest says about a failure is shown; the report has all."""
TESTS_NAMED = 20
"""So many tests that failed alike are named."""

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+!|~&@:-])")


def markdown(record: Record, directory: str, *, most: int = MOST_BYTES) -> str:
    """Return `record` as GitHub and GitLab show it, in at most `most` bytes of UTF-8.

    `directory` is where the record is. What does not fit is left out from the end, and counted.
    """
    groups = failure_groups(record)
    parts = [_heading(record), _table(record), *(f"{_text(line)}\n" for line in reasons(record))]
    closing = f"\n{_ended(record)}; record in {_code(directory)}\n"
    sections = [_section(group) for group in groups]
    whole = "\n".join(parts)
    room = most - len(closing.encode()) - len(whole.encode()) - 200  # what is said of the rest
    shown: list[str] = []
    for section in sections:
        room -= len(section.encode()) + 1
        if room < 0:
            break
        shown.append(section)
    if left := len(sections) - len(shown):
        shown.append(f"... and {left} more: the report has all.\n")
    text = "\n".join([whole, *shown, closing])
    return text if len(text.encode()) <= most else closing[: max(most, 0)]


def _heading(record: Record) -> str:
    return f"### {_text(record.name)}: {record.verdict.value}\n\n{_text(MEANING[record.verdict])}\n"


def _ended(record: Record) -> str:
    return "the run goes on" if record.exit_code is None else f"exit code {record.exit_code}"


def _table(record: Record) -> str:
    columns = columns_of(record.counts)
    several = len(record.boards) > 1
    heads = [*(["board"] if several else []), "suite", *(name.replace("_", " ") for name in columns), "seconds"]
    lines = [_row(heads), _row(["---"] * (2 if several else 1) + ["---:"] * (len(columns) + 1))]
    for board, subject, cases in record.suites():
        counts = count(cases)
        if counts.unfit < counts.total:
            names = [*([_text(board.name)] if several else []), _text(subject)]
            lines.append(_row([*names, *_numbers(columns, counts), f"{sum(case.duration for case in cases):.1f}"]))
    total = [*([""] if several else []), "**all**", *_numbers(columns, record.counts), f"{record.duration:.1f}"]
    return "\n".join([*lines, _row(total)]) + "\n"


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _numbers(columns: list[str], counts: Counts) -> list[str]:
    return [str(getattr(counts, name)) for name in columns]


def _section(group: FailureGroup) -> str:
    """One thing to look at: whose fault it was, what was seen, and which tests say so."""
    title = group.fault.message or group.fault.type
    lines = [f"#### {group.kind}: {_text(shortened(title, 300, 'below'))}\n"]
    first = group.cases[0] if group.cases else None
    told = explanation(group.fault, file=str(first.path) if first else "")
    lines.append(_block("\n".join(line.strip() for line in told)))
    named = [f"- {_code(case.id)} on {_text(case.board)}" for case in group.cases[:TESTS_NAMED]]
    if len(group.cases) > TESTS_NAMED:
        named.append(f"- and {len(group.cases) - TESTS_NAMED} more")
    if group.blocked:
        named.append(f"- {group.blocked} more did not run because of it")
    lines.append("\n".join(named) + "\n" if named else "")
    if group.fault.details:
        details = shortened(group.fault.details, DETAIL_CHARACTERS, "the report")
        lines.append(f"<details><summary>details</summary>\n\n{_block(details)}\n</details>\n")
    return "\n".join(filter(None, lines))


def _text(text: str) -> str:
    """Return text in which nothing is markup, no name is mentioned and no link is made."""
    return _SPECIAL.sub(r"\\\1", " ".join(visible(text).split()))


def _code(text: str) -> str:
    text = visible(text).replace("\n", " ")
    fence = "`" * (_longest_run(text) + 1)
    return f"{fence} {text} {fence}" if "`" in text else f"`{text}`"


def _block(text: str) -> str:
    """Return a block of code, which nothing in `text` can end."""
    text = visible(text)
    fence = "`" * max(3, _longest_run(text) + 1)
    return f"{fence}text\n{text}\n{fence}\n"


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)
