"""Reads the record of a run back, also that of a run that was killed."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

from hil.errors import UsageError
from hil.record.case import BLOCKED, Attempt, Case, ConsoleSlice, Fault, FaultKind, Outcome, Quarantine
from hil.record.fold import without_unfit
from hil.record.inventory import Image, Inventory, Resource, Tool
from hil.record.provenance import Provenance
from hil.record.run import EVENTS_FILE, NEVER_STARTED, RUN_FILE, SCHEMA, BoardOfRun, Record
from hil.record.step import Stage, Step
from hil.record.verdict import Counts, Verdict, count
from hil.target.crash import Crash

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from _typeshed import DataclassInstance

Kind = TypeVar("Kind", bound="DataclassInstance")
READABLE = (3, SCHEMA)
"""Schemas that this version reads; 3 knew no attempts, and its cases get the one that they had."""


def load(path: Path) -> Record:
    """Return the record in directory `path`; what a run did that was killed before its end is taken from its events.

    Raises `UsageError` when there is no record, or one of a schema that is not known here.
    """
    file = path / RUN_FILE
    events: list[dict[str, Any]] | None = None
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        events = read_events(path)
        if not events:
            lacks = isinstance(error, FileNotFoundError)
            what = f"{path} holds no record of a run" if lacks else f"{file} is no record of a run"
            raise UsageError(f"{what}: {error.strerror if isinstance(error, OSError) else error}") from error
        data = events[0]
    schema = data.get("schema") if isinstance(data, dict) else None
    if schema not in READABLE:
        newer = isinstance(schema, int) and schema > SCHEMA
        raise UsageError(
            f"{file} has schema {schema}, this version reads {' and '.join(map(str, READABLE))}",
            hint="read it with the newer hil that wrote it" if newer else "",
        )
    try:
        record = _record(data)
        if record.verdict is not Verdict.RUNNING:
            return record
        return _continued(record, read_events(path) if events is None else events)
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{file} is no record of a run: {error!r} is wrong with it") from error


def read_events(path: Path) -> list[dict[str, Any]]:
    """Return all whole events of the run in directory `path`; the last line of a killed run may be torn."""
    events: list[dict[str, Any]] = []
    try:
        lines = (path / EVENTS_FILE).read_bytes().splitlines()
    except FileNotFoundError:
        return events
    for line in lines:
        try:
            events.append(json.loads(line))
        except ValueError:
            break
    return events


def _continued(record: Record, events: Sequence[dict[str, Any]]) -> Record:
    """Return the record that a run began with, with all that its events tell."""
    told: dict[str, list[dict[str, Any]]] = {}
    for event in events:
        told.setdefault(event["event"], []).append(event)
    described = {event["board"]: _provenance(event["provenance"]) for event in told.get("described", ())}
    boards = tuple(replace(one, provenance=described.get(one.name, one.provenance)) for one in record.boards)
    order = [board.name for board in boards]
    ended = [*map(_case, told.get("case", ()))]
    cut = _cut_short(told.get("attempt", ()), {(case.board, case.id) for case in ended}, record.name)
    cases = without_unfit(sorted([*ended, *cut], key=lambda case: order.index(case.board)))
    record = replace(
        record,
        boards=boards,
        counts=count(cases),
        faults=tuple(map(_fault, told.get("fault", ()))),
        cases=cases,
        stages=tuple(map(_stage, told.get("stage", ()))),
    )
    for end in told.get("run-finished", ()):
        known = {name: end[name] for name in ("exit_code", "finished", "duration") if name in end}
        record = replace(record, verdict=Verdict(end["verdict"]), **known)
    return record


def _cut_short(events: Iterable[dict[str, Any]], ended: set[tuple[str, str]], only: str) -> Iterator[Case]:
    """Yield the cases that were to run again when the run was killed; what they had done is known all the same."""
    attempts: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for event in events:
        key = (event["board"] or only, event["id"])
        if key not in ended:
            attempts.setdefault(key, []).append(event)
    for (board, id), made in attempts.items():
        yield Case.of(id, [_attempt(one) for one in made]).at(board, made[-1]["seat"])


def _record(data: dict[str, Any]) -> Record:
    return Record(
        id=data["id"],
        name=data["name"],
        started=data["started"],
        boards=tuple(
            BoardOfRun(board["name"], _provenance(board["provenance"]), board["why"]) for board in data["boards"]
        ),
        verdict=Verdict(data["verdict"]),
        exit_code=data["exit_code"],
        finished=data["finished"],
        duration=data["duration"],
        counts=_of(Counts, data["counts"]),
        faults=tuple(_fault(fault) for fault in data["faults"]),
        cases=tuple(_case(case) for case in data["cases"]),
        stages=tuple(_stage(stage) for stage in data.get("stages", ())),
        attachments=tuple(data.get("attachments", ())),
        directory=data.get("directory", ""),
        process=data["process"],
        schema=data["schema"],
    )


def _of(kind: type[Kind], data: dict[str, Any], /, **more: Any) -> Kind:
    """Return what `data` says, but for keys that a later version may have added; `more` is instead of what it says."""
    known = {one.name: data[one.name] for one in fields(kind) if one.name in data}
    return kind(**{**known, **more})


def _provenance(data: dict[str, Any]) -> Provenance:
    return _of(Provenance, data, inventory=_inventory(data.get("inventory", {})))


def _inventory(data: dict[str, Any]) -> Inventory:
    images = {name: _of(Image, one) for name, one in data.get("images", {}).items()}
    tools = {name: _of(Tool, one) for name, one in data.get("tools", {}).items()}
    resources = tuple(_of(Resource, one) for one in data.get("resources", ()))
    return _of(Inventory, data, images=images, tools=tools, resources=resources)


def _case(data: dict[str, Any]) -> Case:
    quarantined = data.get("quarantined")
    return Case(
        id=data["id"],
        outcome=Outcome(data["outcome"]),
        duration=data["duration"],
        reason=data["reason"],
        stage=data["stage"],
        faults=_faults(data),
        properties=tuple((name, value) for name, value in data["properties"]),
        console=_console(data),
        board=data["board"],
        seat=data["seat"],
        unfit=data["unfit"],
        attempts=tuple(_attempts(data)),
        steps=tuple(_of(Step, step) for step in data.get("steps", ())),
        quarantined=_of(Quarantine, quarantined) if quarantined else None,
    )


def _attempts(case: dict[str, Any]) -> Iterator[Attempt]:
    if "attempts" not in case and case["reason"] not in {BLOCKED, NEVER_STARTED}:
        yield _attempt({**case, "number": 1, "started": ""})
    *earlier, last = case.get("attempts") or (None,)
    for attempt in earlier:
        yield _attempt(attempt)
    if last:
        yield _attempt({**last, "faults": case["faults"], "console": case["console"]})


def _attempt(data: dict[str, Any]) -> Attempt:
    return _of(Attempt, data, outcome=Outcome(data["outcome"]), faults=_faults(data), console=_console(data))


def _faults(data: dict[str, Any]) -> tuple[Fault, ...]:
    return tuple(_fault(fault) for fault in data["faults"])


def _console(data: dict[str, Any]) -> tuple[ConsoleSlice, ...]:
    return tuple(_of(ConsoleSlice, piece) for piece in data["console"])


def _stage(data: dict[str, Any]) -> Stage:
    return _of(Stage, data)


def _fault(data: dict[str, Any]) -> Fault:
    crash = data.get("crash")
    return _of(Fault, data, kind=FaultKind(data["kind"]), crash=Crash.read(crash) if crash else None)
