"""Reads the record of a run back, also that of a run that was killed."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import msgspec
from msgspec.structs import force_setattr, replace

from hil.errors import ExitCode, UsageError
from hil.record.case import BLOCKED, NEVER_STARTED, Attempt, Case, Fault, FaultKind, Outcome
from hil.record.fold import without_unfit
from hil.record.packing import EVENTS_FILE, read
from hil.record.plain import from_json
from hil.record.process import is_alive
from hil.record.provenance import Provenance
from hil.record.record import SCHEMA, Record
from hil.record.run import RUN_FILE
from hil.record.step import Stage
from hil.record.verdict import Verdict, count

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

Part = TypeVar("Part", bound=msgspec.Struct)
READABLE = (3, 4, SCHEMA)
"""Schemas that this version reads; 3 knew no attempts, and its cases get the one that they had."""
RUN_KILLED = "RunKilled"
"""The type of the fault of a run that was killed."""


class _Version(msgspec.Struct):
    """What every version of the record has, and nothing else."""

    schema: Any = None


def load(path: Path) -> Record:
    """Return the record in directory `path`; what a run did that was killed before its end is taken from its events.

    The verdict of such a run is `killed`, and its exit code that of a fault of the infrastructure: the test that it ran
    last is an error, and those that it had not come to are not run. While the process of the run lives, the verdict is
    `running`.

    Raises `UsageError` when there is no record, when it is of a version that is not known here, and when it is not what
    that version says: with the place in the file, and what should be there.
    """
    file = path / RUN_FILE
    events: list[dict[str, Any]] | None = None
    data: bytes | dict[str, Any]
    try:
        data = file.read_bytes()
        record = from_json(data, Record)
    except msgspec.ValidationError as error:
        _refuse(file, data, error)
    except (OSError, ValueError) as error:
        # Torn or missing: the first event has the same keys, as they were when the run began.
        events = read_events(path)
        if not events:
            lacks = isinstance(error, FileNotFoundError)
            what = f"{path} holds no record of a run" if lacks else f"{file} is no record of a run"
            raise UsageError(f"{what}: {error.strerror if isinstance(error, OSError) else error}") from None
        file, data = path / EVENTS_FILE, events[0]
        try:
            record = msgspec.convert(data, Record)
        except msgspec.ValidationError as mistake:
            _refuse(file, data, mistake)
    if record.schema not in READABLE:
        _refuse(file, data)
    for case in record.cases:
        _complete(case, record.schema)
    if record.verdict is not Verdict.RUNNING:
        return record
    try:
        return _continued(record, read_events(path) if events is None else events)
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{path / EVENTS_FILE} is no record of a run: {error}") from error


def read_events(path: Path) -> list[dict[str, Any]]:
    """Return all whole events of the run in directory `path`; the last line of a killed run may be torn."""
    events: list[dict[str, Any]] = []
    try:
        lines = read(path / EVENTS_FILE).splitlines()
    except (FileNotFoundError, gzip.BadGzipFile):
        return events
    for line in lines:
        try:
            events.append(from_json(line, dict[str, Any]))
        except msgspec.ValidationError:
            continue  # a whole line, but nothing that a run writes
        except ValueError:
            break
    return events


def _refuse(file: Path, data: bytes | dict[str, Any], error: msgspec.ValidationError | None = None) -> NoReturn:
    """Say why `data` is no record that this version reads: its version first, for that explains most of the rest."""
    schema = None
    try:
        found = from_json(data, _Version) if isinstance(data, bytes) else msgspec.convert(data, _Version)
        schema = found.schema
    except msgspec.ValidationError:
        pass  # not even an object
    if error is not None and (schema in READABLE or schema is None):
        what = str(error).replace(" - at ", " at ")
        raise UsageError(
            f"{file} is no record of a run: {what[:1].lower()}{what[1:]}",
            doing="reading the record of a run",
            hint=f"move it away: {EVENTS_FILE} beside it tells the same" if file.name == RUN_FILE else "",
        ) from None
    newer = isinstance(schema, int) and schema > SCHEMA
    raise UsageError(
        f"{file} has schema {schema}, this version reads {' and '.join(map(str, READABLE))}",
        doing="reading the record of a run",
        hint="read it with the newer hil that wrote it" if newer else "",
    )


def _complete(case: Case, schema: int) -> None:
    """Give a case that was just read, and that nobody else has seen yet, what is not written twice in its record."""
    if case.attempts:
        last = case.attempts[-1]
        force_setattr(last, "console", case.console)
        if case.faults:
            force_setattr(last, "faults", case.faults)
            last.__post_init__()
    elif schema < 4 and case.reason not in {BLOCKED, NEVER_STARTED}:
        only = Attempt(
            1,
            case.outcome,
            duration=case.duration,
            board=case.board,
            seat=case.seat,
            stage=case.stage,
            reason=case.reason,
            faults=case.faults,
            console=case.console,
        )
        force_setattr(case, "attempts", (only,))


def _continued(record: Record, events: Sequence[dict[str, Any]]) -> Record:
    """Return the record that a run began with, with all that its events tell."""
    told: dict[str, list[dict[str, Any]]] = {}
    for event in events:
        told.setdefault(event["event"], []).append(event)
    described = {
        event["board"]: msgspec.convert(event["provenance"], Provenance) for event in told.get("described", ())
    }
    boards = tuple(replace(board, provenance=described.get(board.name, board.provenance)) for board in record.boards)
    order = [board.name for board in boards]
    ended = _parts(told, "case", Case)
    for case in ended:
        _complete(case, record.schema)
    cut = _cut_short(told.get("attempt", ()), {(case.board, case.id) for case in ended}, record.name)
    cases = without_unfit(sorted([*ended, *cut], key=lambda case: order.index(case.board)))
    record = replace(
        record,
        boards=boards,
        counts=count(cases),
        faults=tuple(_parts(told, "fault", Fault)),
        cases=cases,
        stages=tuple(_parts(told, "stage", Stage)),
    )
    for end in told.get("run-finished", ()):
        known = {name: end[name] for name in ("exit_code", "finished", "duration") if name in end}
        record = replace(record, verdict=Verdict(end["verdict"]), **known)
    return _killed(record, told, events) if record.verdict is Verdict.RUNNING and not is_alive(record) else record


def _killed(record: Record, told: dict[str, list[dict[str, Any]]], events: Sequence[dict[str, Any]]) -> Record:
    """Return the record of a run that nobody writes any more: what it ran last, and what it did not come to."""
    seconds = float(events[-1].get("t", 0.0)) if events else 0.0
    why = Fault(
        FaultKind.INFRASTRUCTURE,
        "",
        RUN_KILLED,
        f"{record.id} was killed before its end; what it did not come to is missing",
        hint="run again; if nobody killed it, look for the kernel's out-of-memory killer: dmesg",
        board=record.boards[0].name if len(record.boards) == 1 else "",
    )
    known = {(case.board, case.id) for case in record.cases}
    begun = {_key(event, record.name): event for event in told.get("case-started", ())}
    planned = {
        (event.get("board") or record.name, id): None for event in told.get("planned", ()) for id in event["ids"]
    }
    cases = list(record.cases)
    for (board, id), event in begun.items():
        if (board, id) not in known:
            fault = replace(why, phase="call", message="the run was killed in this test", board="")
            took = round(max(seconds - float(event.get("t", seconds)), 0.0), 4)
            ran = Attempt(1, Outcome.ERROR, str(event.get("at", "")), took, faults=(fault,))
            cases.append(Case.from_attempts(id, [ran]).at(board, event.get("seat") or ""))
    cases += [
        Case(id, Outcome.SKIPPED, reason=NEVER_STARTED, board=board)
        for board, id in planned
        if (board, id) not in known and (board, id) not in begun
    ]
    order = [board.name for board in record.boards]
    ended = without_unfit(sorted(cases, key=lambda case: order.index(case.board)))
    return replace(
        record,
        verdict=Verdict.KILLED,
        exit_code=int(ExitCode.INFRASTRUCTURE),
        duration=round(seconds, 3),
        counts=count(ended),
        faults=(*record.faults, why),
        cases=ended,
    )


def _key(event: dict[str, Any], only: str) -> tuple[str, str]:
    return event.get("board") or only, event["id"]


def _parts(told: dict[str, list[dict[str, Any]]], name: str, kind: type[Part]) -> list[Part]:
    return [msgspec.convert(event, kind) for event in told.get(name, ())]


def _cut_short(events: Iterable[dict[str, Any]], ended: set[tuple[str, str]], only: str) -> Iterator[Case]:
    """Yield the cases that were to run again when the run was killed; what they had done is known all the same."""
    attempts: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for event in events:
        key = (event["board"] or only, event["id"])
        if key not in ended:
            attempts.setdefault(key, []).append(event)
    for (board, id), made in attempts.items():
        tried = [msgspec.convert(event, Attempt) for event in made]
        yield Case.from_attempts(id, tried).at(board, made[-1]["seat"])
