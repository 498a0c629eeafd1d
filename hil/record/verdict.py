"""What a run amounts to: counts, verdict and exit code, folded from its cases."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING

from hil.errors import ExitCode
from hil.record.case import FaultKind, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hil.record.case import Case, Fault


class Verdict(StrEnum):
    """One word for a whole run; `RUNNING` is what the record of a killed run still says.

    `FLAKY`: nothing is known to be wrong, but a test passed only when it was run again.
    """

    RUNNING = "running"
    PASSED = "passed"
    FLAKY = "flaky"
    FINDINGS = "findings"
    USAGE = "usage"
    INFRASTRUCTURE = "infrastructure"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Counts:
    """How many tests ended how; `infrastructure` and `errors` split what pytest calls errors.

    `unfit` are those that the board lacks something for; the other `skipped` have reasons of their own.
    `quarantined` are those that ran, but whose outcome, whichever it was, does not count.
    """

    passed: int = 0
    failed: int = 0
    infrastructure: int = 0
    errors: int = 0
    skipped: int = 0
    xfailed: int = 0
    unfit: int = 0
    flaky: int = 0
    quarantined: int = 0

    @property
    def total(self) -> int:
        """All tests."""
        return sum(getattr(self, column.name) for column in fields(self))


def count(cases: Iterable[Case]) -> Counts:
    """Count `cases`. A test in which the board or the lab failed counts there, whatever else it saw."""
    seen = Counter(_column(case) for case in cases)
    return Counts(**seen)


def _column(case: Case) -> str:
    if any(fault.kind is FaultKind.INFRASTRUCTURE for fault in case.faults):
        return "infrastructure"
    if case.unfit:
        return "unfit"
    if case.quarantined and not case.deciding and case.outcome is not Outcome.SKIPPED:
        return "quarantined"
    return "errors" if case.outcome is Outcome.ERROR else case.outcome.value


def worst(faults: Iterable[Fault]) -> ExitCode:
    """Return the exit code of the worst of `faults`, in the order 3, 2, 1, 0."""
    return max((fault.kind.exit_code for fault in faults), default=ExitCode.PASSED)


def verdict(exit_code: ExitCode, *, interrupted: bool = False, flaky: bool = False) -> Verdict:
    """Return the word for a run that returns `exit_code`. Lost infrastructure outweighs an interruption.

    `flaky` says that there were flaky tests and no findings; the run may still return 1, if it was asked to.
    """
    if interrupted and exit_code is not ExitCode.INFRASTRUCTURE:
        return Verdict.INTERRUPTED
    if flaky and exit_code <= ExitCode.FINDINGS:
        return Verdict.FLAKY
    return Verdict[exit_code.name]
