"""Reads the record of a run back, also that of a run that was killed."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from hil.errors import UsageError
from hil.record.case import Case, ConsoleSlice, Fault, FaultKind, Outcome
from hil.record.fold import without_unfit
from hil.record.provenance import Provenance
from hil.record.run import EVENTS_FILE, RUN_FILE, SCHEMA, BoardOfRun, Record
from hil.record.verdict import Counts, Verdict, count

if TYPE_CHECKING:
    from pathlib import Path


def load(path: Path) -> Record:
    """Return the record in directory `path`; what a killed run had done is taken from its events.

    Raises `UsageError` when there is no record, or one of another schema.
    """
    try:
        data = json.loads((path / RUN_FILE).read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path} holds no record of a run: {error.strerror}") from error
    if data["schema"] != SCHEMA:
        raise UsageError(f"{path / RUN_FILE} has schema {data['schema']}, this version reads {SCHEMA}")
    record = _record(data)
    if record.verdict is not Verdict.RUNNING:
        return record
    events = read_events(path)
    cases = without_unfit(_case(event) for event in events if event["event"] == "case")
    faults = tuple(_fault(event) for event in events if event["event"] == "fault")
    return replace(record, cases=cases, faults=faults, counts=count(cases))


def read_events(path: Path) -> list[dict[str, Any]]:
    """Return all whole events of the run in directory `path`; the last line of a killed run may be torn."""
    events = []
    for line in (path / EVENTS_FILE).read_text(encoding="utf-8").splitlines():
        try:
            events.append(json.loads(line))
        except ValueError:
            break
    return events


def _record(data: dict[str, Any]) -> Record:
    return Record(
        id=data["id"],
        name=data["name"],
        started=data["started"],
        boards=tuple(
            BoardOfRun(board["name"], Provenance(**board["provenance"]), board["why"]) for board in data["boards"]
        ),
        verdict=Verdict(data["verdict"]),
        exit_code=data["exit_code"],
        finished=data["finished"],
        duration=data["duration"],
        counts=Counts(**data["counts"]),
        faults=tuple(_fault(fault) for fault in data["faults"]),
        cases=tuple(_case(case) for case in data["cases"]),
        process=data["process"],
        schema=data["schema"],
    )


def _case(data: dict[str, Any]) -> Case:
    return Case(
        id=data["id"],
        outcome=Outcome(data["outcome"]),
        duration=data["duration"],
        reason=data["reason"],
        stage=data["stage"],
        faults=tuple(_fault(fault) for fault in data["faults"]),
        properties=tuple((name, value) for name, value in data["properties"]),
        console=tuple(ConsoleSlice(**piece) for piece in data["console"]),
        board=data["board"],
        seat=data["seat"],
        unfit=data["unfit"],
    )


def _fault(data: dict[str, Any]) -> Fault:
    known = {name.name: data[name.name] for name in fields(Fault)}
    return Fault(**{**known, "kind": FaultKind(data["kind"])})
