"""What the scripts of a run's page read: its cases, and what happened when. Times are seconds since the run began."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from hil.record.case import Attempt, Outcome
from hil.record.requirements import KINDS
from hil.report.index import word
from hil.report.kept import Kept
from hil.report.text import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.record import Case, ConsoleSlice, Fault, Record
    from hil.report.activity import Activity
    from hil.report.past import Past
    from hil.target.crash import Crash

CONSOLE_CHARACTERS = 4000
"""Of what a console said during an attempt that passed, the page has no more than this; the transcripts have all."""

_BAD = frozenset({Outcome.FAILED, Outcome.ERROR})


def anchor(case: Case) -> str:
    """Return the fragment that leads to a case on the page of its run, the same in every run."""
    return quote(f"{case.board}/{visible(case.id)}", safe="")


def console_anchor(attempt: Attempt, piece: ConsoleSlice) -> str:
    """Return the fragment that leads to lines of a console on its page; empty where they are not known."""
    if not piece.first:
        return ""
    return f"{quote(f'{attempt.seat or attempt.board}/{piece.console}', safe='/')}:{piece.first}-{piece.last}"


def case_data(
    record: Record, number: int, case: Case, kept: Kept | None = None, past: Past | None = None
) -> dict[str, Any]:
    """Return what the page tells about a case; `number` is its place in the record, `kept` has its attachments.

    `past` is what was before it.
    """
    began = _seconds(record.started)
    attempts = case.attempts or (_as_attempt(case),)
    return {
        "n": number,
        "id": visible(case.id),
        "board": visible(case.seat or case.board),
        "anchor": anchor(case),
        "word": word(case),
        "seconds": round(case.duration, 3),
        "quarantine": _quarantine(case),
        "change": past.change if past else "",
        "since": _fails_since(past, record) if past and past.runs else None,
        "markers": [visible(f"{name} {value}" if name in KINDS else value) for name, value in _marks(case)],
        "owner": visible(case.quarantined.owner if case.quarantined else dict(case.properties).get("owner", "")),
        "attempts": [
            {**_attempt(attempt, began), **(kept or Kept(None)).attempt_data(attempt)} for attempt in attempts
        ],
        "steps": [[_since(step.started, began), visible(step.name), round(step.duration, 4)] for step in case.steps],
    }


def _marks(case: Case) -> list[tuple[str, str]]:
    return [(name, value) for name, value in case.properties if name in KINDS or name == "marker"]


def _fails_since(past: Past, record: Record) -> list[Any]:
    """Id of the run since which a test fails, when that was, in how many runs, whether it was good before."""
    return [past.run if past.run != record.id else "", past.started[:16].replace("T", " "), past.runs, past.before]


def timeline(record: Record, activity: Sequence[Activity]) -> dict[str, Any]:
    """Return how long the run took, the states of its boards, and when their consoles were busy."""
    began = _seconds(record.started)
    ends = [
        _seconds(attempt.started) - began + attempt.duration
        for case in record.cases
        for attempt in case.attempts
        if attempt.started
    ]
    return {
        "started": record.started,
        "seconds": round(max([record.duration, *ends]), 3),
        "stages": [
            [
                visible(stage.seat or stage.board),
                _since(stage.started, began),
                round(stage.duration, 3),
                visible(stage.stage),
                stage.ok,
            ]
            for stage in record.stages
        ],
        "uarts": [
            [visible(line.board), visible(line.uart), [[round(at - began, 1), lines] for at, lines in line.moments]]
            for line in activity
        ],
    }


def _as_attempt(case: Case) -> Attempt:
    """A case that never ran, with the reason why."""
    return Attempt(
        0,
        case.outcome,
        board=case.board,
        seat=case.seat,
        stage=case.stage,
        reason=case.reason,
        faults=case.faults,
        console=case.console,
    )


def _attempt(attempt: Attempt, began: float) -> dict[str, Any]:
    whole = attempt.outcome in _BAD
    return {
        "word": word(attempt),
        "board": visible(attempt.seat or attempt.board),
        "from": _since(attempt.started, began) if attempt.started else None,
        "seconds": round(attempt.duration, 3),
        "reason": visible(attempt.reason),
        "faults": [_fault(fault) for fault in attempt.faults],
        "console": [[*_console(piece, whole=whole), console_anchor(attempt, piece)] for piece in attempt.console],
    }


def _fault(fault: Fault) -> dict[str, Any]:
    names = ("phase", "type", "message", "details", "stage", "hint")
    return {
        **{name: visible(getattr(fault, name)) for name in names},
        "kind": fault.kind.value,
        "crash": _crash(fault.crash) if fault.crash else None,
    }


def _crash(crash: Crash) -> dict[str, Any]:
    return {
        **{name: visible(getattr(crash, name)) for name in ("what", "level", "syndrome", "cause")},
        "places": [
            [
                visible(place.register),
                visible(place.function),
                visible(f"{place.file}:{place.line}" if place.file else place.image),
            ]
            for place in crash.places
        ],
        "registers": [[visible(name), visible(value)] for name, value in crash.registers],
    }


def _console(piece: ConsoleSlice, *, whole: bool) -> list[str]:
    text = visible(piece.text)
    if not whole and len(text) > CONSOLE_CHARACTERS:
        half = CONSOLE_CHARACTERS // 2
        left_out = len(text) - CONSOLE_CHARACTERS
        text = f"{text[:half]}\n… {left_out} characters, see the transcript …\n{text[-half:]}"
    return [visible(piece.console), text]


def _quarantine(case: Case) -> str:
    held = case.quarantined
    return visible(f"{held.reason} ({held.owner}, until {held.expires})") if held else ""


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


def _since(moment: str, began: float) -> float:
    return round(_seconds(moment) - began, 3)
