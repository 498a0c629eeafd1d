"""A run as one page that needs nothing else: verdict, what to look at first, every case, and when it all happened."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hil.files import write_atomically
from hil.record.case import BLOCKED, Outcome
from hil.record.verdict import Verdict, count
from hil.report.activity import read_activity
from hil.report.attached import read_coverage, read_delays
from hil.report.index import word
from hil.report.pagedata import anchor, case_data, timeline
from hil.report.stages import stages
from hil.report.text import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jinja2 import Template

    from hil.record import Case, Counts, Fault, Record

HTML_FILE = "report.html"
FIRST_SHOWN = 12
"""At most this many failures stand at the top; the list of cases has all."""
FLAKY = "flaky"

MEANING = {
    Verdict.PASSED: "every test that could run on these boards passed",
    Verdict.FLAKY: "nothing failed for good, but tests passed only when they ran again",
    Verdict.FINDINGS: "the firmware broke a promise, or a test is wrong",
    Verdict.USAGE: "something impossible was asked for, or a tool is missing",
    Verdict.INFRASTRUCTURE: "a board, an emulator or the lab failed; this says nothing about the firmware",
    Verdict.INTERRUPTED: "somebody ended the run before it was done",
    Verdict.RUNNING: "the run is not over, or it was killed",
}

_PAGE = Path(__file__).parent / "page"
_RANK = {"infrastructure": 0, "usage": 1, "interrupted": 1, "firmware": 2, "test": 3, FLAKY: 4}
_COLUMNS = ("passed", "flaky", "failed", "infrastructure", "errors", "xfailed", "quarantined", "skipped")
_ALWAYS = frozenset({"passed", "failed"})


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """One thing to look at, and all cases that say the same. `kind` is whose fault it was, or `flaky`.

    `blocked` is how many cases it kept from running.
    """

    title: str
    board: str
    kind: str
    fault: Fault
    cases: tuple[Case, ...]
    blocked: int = 0


def write_html(record: Record, directory: Path) -> None:
    """Write the page into the record's directory, whole."""
    write_atomically(directory / HTML_FILE, html(record, directory).encode())


def html(record: Record, directory: Path | None = None) -> str:
    """Return `record` as one page; its transcripts and further files are taken from `directory`."""
    troubles = _troubles(record)
    page: str = _template().render(
        record=record,
        meaning=MEANING[record.verdict],
        columns=partial(_columns, record.counts),
        troubles=troubles[:FIRST_SHOWN],
        more=len(troubles) - FIRST_SHOWN,
        suites=[(board.name, subject, count(cases), _seconds(cases)) for board, subject, cases in record.suites()],
        words=list(dict.fromkeys(word(case) for case in record.cases)),
        stages=stages(record, directory),
        coverage=read_coverage(directory),
        delays=read_delays(directory),
        cases=embedded([case_data(record, number, case) for number, case in enumerate(record.cases)]),
        timeline=embedded(timeline(record, read_activity(directory) if directory else [])),
        anchor=anchor,
        visible=visible,
    )
    return page


def embedded(value: Any) -> str:
    """JSON that can stand inside a script element: nothing in it can end that element."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def content_hash(text: str) -> str:
    """Return the source expression of Content Security Policy (CSP3, 2.3.1) that allows just this inline script."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _troubles(record: Record) -> list[FailureGroup]:
    """Return the failures, grouped by what they say, the worst kind first. A quarantined case is not a failure."""
    found: dict[tuple[str, str, str, str], list[Case]] = {}
    first: dict[tuple[str, str, str, str], Fault] = {}
    for case in record.cases:
        flaky = case.outcome is Outcome.FLAKY
        faults = [fault for attempt in case.attempts for fault in attempt.faults] if flaky else case.deciding
        if not faults or (flaky and case.quarantined):
            continue
        key = (FLAKY if flaky else faults[0].kind.value, faults[0].type, faults[0].message, case.board)
        found.setdefault(key, []).append(case)
        first.setdefault(key, faults[0])
    troubles = [FailureGroup(cases[0].id, key[3], key[0], first[key], tuple(cases)) for key, cases in found.items()]
    told = {(trouble.kind, trouble.fault.message) for trouble in troubles}
    troubles += [
        FailureGroup("the run itself", fault.board, fault.kind.value, fault, ())
        for fault in record.faults
        if (fault.kind.value, fault.message) not in told
    ]
    return sorted(_with_blocked(troubles), key=lambda trouble: _RANK[trouble.kind])


def _with_blocked(troubles: Sequence[FailureGroup]) -> list[FailureGroup]:
    """Count the cases that a failed board kept from running with the failure of that board, when it is known."""
    blocked = [trouble for trouble in troubles if trouble.cases and trouble.cases[0].reason == BLOCKED]
    told = [trouble for trouble in troubles if not (trouble.cases and trouble.cases[0].reason == BLOCKED)]
    for trouble in blocked:
        for number, cause in enumerate(told):
            if cause.board == trouble.board and trouble.fault.message.endswith(cause.fault.message):
                told[number] = replace(cause, blocked=cause.blocked + len(trouble.cases))
                break
        else:
            told.append(trouble)
    return told


def _columns(shown: Counts, counts: Counts) -> list[tuple[str, int]]:
    """Name and number of each column for which `shown` is not zero; what a board is unfit for counts as skipped."""
    return [(name, _number(counts, name)) for name in _COLUMNS if name in _ALWAYS or _number(shown, name)]


def _number(counts: Counts, name: str) -> int:
    number: int = getattr(counts, name)
    return number + counts.unfit if name == "skipped" else number


def _seconds(cases: Sequence[Case]) -> float:
    return sum(case.duration for case in cases)


@cache
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_PAGE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    script = "".join((_PAGE / name).read_text(encoding="utf-8") for name in ("cases.js", "timeline.js"))
    environment.globals["style"] = (_PAGE / "report.css").read_text(encoding="utf-8")
    environment.globals["script"] = script
    environment.globals["script_hash"] = content_hash(script)
    return environment.get_template("report.html")
