"""What to look at first: failures that say the same, as one thing, the worst kind first."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hil.record.case import BLOCKED, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.record import Case, Fault, Record

FLAKY = "flaky"
_RANK = {"infrastructure": 0, "usage": 1, "interrupted": 1, "firmware": 2, "test": 3, FLAKY: 4}


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


def failure_groups(record: Record) -> list[FailureGroup]:
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
