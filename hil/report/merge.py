"""Records of one thing that was tested in parts, by several machines or one after the other, made one record."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from msgspec.structs import replace

from hil.errors import ExitCode, UsageError
from hil.record import BoardOfRun, Case, Fault, FaultKind, Provenance, Record, Verdict
from hil.record.case import BLOCKED
from hil.record.fold import without_unfit
from hil.record.run import NAMES_SHOWN
from hil.record.step import iso
from hil.record.verdict import count, ran_any, verdict, worst

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_MUST_AGREE = {"firmware_hash": "firmware", "git_commit": "commit", "board_file_sha256": "board file"}
"""What a board must have the same in all parts, or its cases were not the same tests."""


@dataclass(frozen=True, slots=True)
class RunPart:
    """One of the records, and the seats under which its boards go in the whole, by those that they had."""

    record: Record
    seats: dict[str, str]


def merge(parts: Sequence[RunPart]) -> Record:
    """Return the whole: each case of each board once, with all of its attempts in the order in which they began.

    A part that was killed, or goes on, leaves a fault, so that the whole is never green. Raises `UsageError` when parts
    did not test the same on a board.
    """
    records = [part.record for part in parts]
    boards = _boards(records)
    found: dict[tuple[str, str], list[Case]] = {}
    for part in parts:
        for case in part.record.cases:
            found.setdefault((case.board, case.id), []).append(_seated(case, part))
    order = [board.name for board in boards]
    settled = sorted(map(_settled, found.values()), key=lambda case: (order.index(case.board), _began(case)))
    cases = without_unfit(settled)
    faults = tuple(fault for record in records for fault in (*record.faults, *_going_on(record)))
    stages = [
        replace(stage, seat=_seat(part, stage.board, stage.seat)) for part in parts for stage in part.record.stages
    ]
    deciding = [*faults, *(fault for case in cases for fault in case.deciding)]
    code = max(worst(deciding), *(_unexplained(record) for record in records))
    counts = count(cases)
    started, ended = min(map(_start, records)), max(map(_end, records))
    name = "+".join(order) if len(order) <= NAMES_SHOWN else f"{len(order)}-boards"
    digest = hashlib.sha256("\n".join(sorted(record.id for record in records)).encode()).hexdigest()
    return Record(
        id=f"{started:%Y%m%dT%H%M%S.%f}Z-{name}-{digest[:6]}",
        name=name,
        started=iso(started),
        boards=boards,
        verdict=verdict(
            code,
            interrupted=any(record.verdict is Verdict.INTERRUPTED for record in records),
            flaky=counts.flaky > 0 and worst(deciding) is ExitCode.PASSED,
            nothing_ran=code <= ExitCode.USAGE and not ran_any(cases),
        ),
        exit_code=int(code),
        finished=iso(ended),
        duration=round((ended - started).total_seconds(), 3),
        counts=counts,
        faults=faults,
        cases=cases,
        stages=tuple(sorted(stages, key=lambda stage: stage.started)),
        requirements=tuple(dict.fromkeys(required for record in records for required in record.requirements)),
        label=records[0].label if len({record.label for record in records}) == 1 else "",
    )


def _boards(records: Iterable[Record]) -> tuple[BoardOfRun, ...]:
    found: dict[str, tuple[BoardOfRun, str]] = {}
    for record in records:
        for board in record.boards:
            if board.name not in found:
                found[board.name] = board, record.id
                continue
            known, first = found[board.name]
            _refuse_contradiction(board.name, known.provenance, board.provenance, first, record.id)
            found[board.name] = replace(known, provenance=_united(known.provenance, board.provenance)), first
    return tuple(board for board, _ in found.values())


def _refuse_contradiction(board: str, ours: Provenance, theirs: Provenance, first: str, second: str) -> None:
    for name, called in _MUST_AGREE.items():
        old, new = getattr(ours, name), getattr(theirs, name)
        if old and new and old != new:
            raise UsageError(
                f"not the same was tested: {called} of {board} is {old[:12]} in {first}, {new[:12]} in {second}",
                hint=f"hil report --compare {first} {second}",
            )


def _either(first: bool | None, second: bool | None) -> bool | None:
    """Return whether one of two trees had changes; None where nobody knows."""
    return True if first or second else (None if None in (first, second) else False)


def _united(first: Provenance, second: Provenance) -> Provenance:
    """Return the first with what may differ at the second: its machine, and the versions of what ran there."""
    return replace(
        first,
        git_dirty=_either(first.git_dirty, second.git_dirty),
        versions=_both(first.versions, second.versions),
        packages=_both(first.packages, second.packages),
        host=_both(first.host, second.host),
    )


def _both(first: dict[str, str], second: dict[str, str]) -> dict[str, str]:
    both = {name: (*first.get(name, "").split(", "), *second.get(name, "").split(", ")) for name in first | second}
    return {name: ", ".join(dict.fromkeys(filter(None, told))) for name, told in both.items()}


def _seated(case: Case, part: RunPart) -> Case:
    attempts = tuple(
        replace(attempt, seat=_seat(part, attempt.board or case.board, attempt.seat)) for attempt in case.attempts
    )
    return replace(case, seat=_seat(part, case.board, case.seat), attempts=attempts)


def _seat(part: RunPart, board: str, seat: str) -> str:
    """The seat in the whole; empty as long as it is called like its board."""
    name = part.seats.get(seat or board, seat or board)
    return seat if name == (seat or board) else name


def _settled(cases: Sequence[Case]) -> Case:
    """One case of all that ran of it, as if it had been tried again in one run."""
    ran = [case for case in cases if case.attempts and not case.unfit]
    if len(ran) < 2:
        return min(cases, key=_says_little)
    attempts = sorted((attempt for case in ran for attempt in case.attempts), key=lambda attempt: attempt.started)
    last = max(ran, key=lambda case: case.attempts[-1].started)
    return Case.from_attempts(
        last.id,
        [replace(attempt, number=number) for number, attempt in enumerate(attempts, start=1)],
        properties=tuple(dict.fromkeys(claim for case in ran for claim in case.properties)),
        steps=tuple(step for case in ran for step in case.steps),
        quarantined=last.quarantined,
    )


def _says_little(case: Case) -> int:
    """Of a case in several parts the one that ran counts, then that which was kept from it, then the rest."""
    if case.attempts and not case.unfit:
        return 0
    return 3 if case.never_started else 1 if case.reason == BLOCKED else 2


def _going_on(record: Record) -> list[Fault]:
    if record.verdict is not Verdict.RUNNING:
        return []
    board = record.boards[0].name if len(record.boards) == 1 else ""
    message = f"{record.id} has not ended; what it did not come to is missing"
    return [Fault(FaultKind.INFRASTRUCTURE, "", "RunGoesOn", message, hint="merge it when it has ended", board=board)]


def _unexplained(record: Record) -> ExitCode:
    """The exit code of a run, if it is worse than all that its cases and faults tell."""
    told = worst([*record.faults, *(fault for case in record.cases for fault in case.deciding)])
    code = ExitCode(record.exit_code or 0)
    return code if code > told else ExitCode.PASSED


def _began(case: Case) -> str:
    return case.attempts[0].started if case.attempts else "~"


def _start(record: Record) -> datetime:
    return datetime.fromisoformat(record.started)


def _end(record: Record) -> datetime:
    return _start(record) + timedelta(seconds=record.duration)
