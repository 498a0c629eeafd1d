"""A run as one page that needs nothing else: verdict, what to look at first, every case, and when it all happened."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hil.record.atomic import write_atomically
from hil.record.case import Outcome
from hil.record.verdict import count
from hil.report.activity import Activity, read_activity
from hil.report.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from jinja2 import Template

    from hil.record import Case, Fault, Record

HTML_FILE = "report.html"
CONSOLE_CHARACTERS = 4000
"""Of what a console said during a case that passed, the page has no more than this; the transcripts have all."""
FIRST_SHOWN = 12
"""So many failures are told at the top; the list of cases has all."""

_PAGE = Path(__file__).parent / "page"
_BAD = (Outcome.FAILED, Outcome.ERROR)
_RANK = {"infrastructure": 0, "usage": 1, "interrupted": 1, "firmware": 2, "test": 3}


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing to look at, and all cases that say the same."""

    title: str
    board: str
    fault: Fault
    cases: tuple[Case, ...]


def write_html(record: Record, events: Iterable[Mapping[str, Any]], directory: Path) -> None:
    """Write the page into the record's directory, whole."""
    write_atomically(directory / HTML_FILE, html(record, events, read_activity(directory)).encode())


def html(record: Record, events: Iterable[Mapping[str, Any]], activity: Sequence[Activity] = ()) -> str:
    """Return `record` as one page. `events` are those of the run, `activity` is what its consoles carried."""
    when = _Times.of(events)
    troubles = _troubles(record)
    page: str = _template().render(
        record=record,
        troubles=troubles[:FIRST_SHOWN],
        more=len(troubles) - FIRST_SHOWN,
        suites=[(board.name, subject, count(cases), _seconds(cases)) for board, subject, cases in record.suites()],
        cases=_embedded([_case(number, case, when) for number, case in enumerate(record.cases)]),
        numbers={id(case): number for number, case in enumerate(record.cases)},
        timeline=_embedded(_timeline(record, when, activity)),
        visible=visible,
        id=id,
    )
    return page


@dataclass(frozen=True, slots=True)
class _Times:
    """When each case ran, and the steps of the framework, in seconds since the run began."""

    cases: Mapping[tuple[str, str], tuple[float, float]]
    steps: Sequence[Mapping[str, Any]]

    @classmethod
    def of(cls, events: Iterable[Mapping[str, Any]]) -> _Times:
        began: dict[tuple[str, str], float] = {}
        cases: dict[tuple[str, str], tuple[float, float]] = {}
        steps: list[Mapping[str, Any]] = []
        for event in events:
            key = (str(event.get("board", "")), str(event.get("id", "")))
            if event["event"] == "case-started":
                began[key] = event["t"]
            elif event["event"] == "case":
                cases[key] = (began.get(key, began.get(("", key[1]), event["t"])), event["t"])
            elif event["event"] == "step":
                steps.append(event)
        return cls(cases, steps)

    def within(self, span: tuple[float, float], board: str) -> list[Mapping[str, Any]]:
        """Return the steps of a board that ended within a span of time."""
        return [step for step in self.steps if span[0] <= step["t"] <= span[1] and step.get("board", board) == board]


def _troubles(record: Record) -> list[Trouble]:
    """The failures, those that say the same put together, the worst kind first."""
    found: dict[tuple[str, str, str, str], list[Case]] = {}
    first: dict[tuple[str, str, str, str], Fault] = {}
    for case in record.cases:
        if case.outcome in _BAD and case.faults:
            fault = case.faults[0]
            key = (fault.kind, fault.type, fault.message, case.board)
            found.setdefault(key, []).append(case)
            first.setdefault(key, fault)
    troubles = [Trouble(cases[0].id, key[3], first[key], tuple(cases)) for key, cases in found.items()]
    told = {(trouble.fault.kind, trouble.fault.message) for trouble in troubles}
    troubles += [
        Trouble("the run itself", fault.board, fault, ())
        for fault in record.faults
        if (fault.kind, fault.message) not in told
    ]
    return sorted(troubles, key=lambda trouble: _RANK.get(trouble.fault.kind.value, len(_RANK)))


def _case(number: int, case: Case, when: _Times) -> dict[str, Any]:
    span = when.cases.get((case.board, case.id))
    bad = case.outcome in _BAD
    return {
        "n": number,
        "id": case.id,
        "board": case.seat or case.board,
        "outcome": case.outcome.value,
        "kind": case.faults[0].kind.value if case.faults else "",
        "seconds": round(case.duration, 3),
        "span": span,
        "reason": visible(case.reason),
        "stage": case.stage,
        "faults": [_visible(asdict(fault)) for fault in case.faults],
        "console": [[piece.console, _shortened(visible(piece.text), whole=bad)] for piece in case.console],
        "steps": [_step(step) for step in when.within(span, case.board)] if span and bad else [],
    }


def _visible(fault: dict[str, Any]) -> dict[str, Any]:
    return {name: visible(value) if isinstance(value, str) else value for name, value in fault.items()}


def _step(step: Mapping[str, Any]) -> list[Any]:
    words = " ".join(visible(str(value)) for value in step.get("args", {}).values())
    return [round(step["t"], 3), f"{step.get('step', '')} {words}".strip(), round(step.get("seconds", 0), 3)]


def _shortened(text: str, *, whole: bool) -> str:
    if whole or len(text) <= CONSOLE_CHARACTERS:
        return text
    half = CONSOLE_CHARACTERS // 2
    return f"{text[:half]}\n… {len(text) - CONSOLE_CHARACTERS} characters, see the transcript …\n{text[-half:]}"


def _timeline(record: Record, when: _Times, activity: Sequence[Activity]) -> dict[str, Any]:
    began = datetime.fromisoformat(record.started).timestamp()
    return {
        "seconds": max([record.duration, *(end for _, end in when.cases.values())]),
        "steps": [
            [step.get("seat") or step.get("board") or record.name, step["t"] - step.get("seconds", 0), *_step(step)]
            for step in when.steps
            if step.get("of") == "BoardStrategy"
        ],
        "uarts": [[one.board, one.uart, [[at - began, lines] for at, lines in one.moments]] for one in activity],
    }


def _seconds(cases: Iterable[Case]) -> float:
    return sum(case.duration for case in cases)


def _embedded(value: Any) -> str:
    """JSON that can stand inside a script element: nothing in it can end that element."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


@cache
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(loader=FileSystemLoader(_PAGE), autoescape=True, undefined=StrictUndefined)
    for name, file in (("style", "report.css"), ("script", "report.js")):
        environment.globals[name] = (_PAGE / file).read_text(encoding="utf-8")
    return environment.get_template("report.html")
