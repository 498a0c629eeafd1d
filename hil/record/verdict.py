"""What a run amounts to: counts, verdict and exit code, folded from its cases."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta, Struct
from msgspec.structs import astuple

from hil.errors import ExitCode
from hil.record.case import NOT_CARRIED_OUT, FaultKind, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hil.record.case import Case, Fault


class Verdict(StrEnum):
    """One word for a whole run; the file of a killed run still says `RUNNING`, and its reader says `KILLED`.

    `FLAKY`: nothing is known to be wrong, but a test passed only when it was run again. `NOTHING_RAN`: not one test was
    carried out, and nothing went wrong that would explain it.
    """

    RUNNING = "running"
    KILLED = "killed"
    NOTHING_RAN = "nothing-ran"
    PASSED = "passed"
    FLAKY = "flaky"
    FINDINGS = "findings"
    USAGE = "usage"
    INFRASTRUCTURE = "infrastructure"
    INTERRUPTED = "interrupted"


Number = Annotated[int, Meta(ge=0)]


class Counts(Struct, frozen=True):
    """How many cases ended how; each counts once."""

    passed: Annotated[Number, Meta(description="passed the first time")] = 0
    failed: Annotated[
        int, Meta(description="findings: the firmware broke a promise, or the test itself is wrong", ge=0)
    ] = 0
    infrastructure: Annotated[
        int, Meta(description="lost to the board, the emulator or the lab, whatever else they saw", ge=0)
    ] = 0
    errors: Annotated[Number, Meta(description="could not be carried out for another reason")] = 0
    skipped: Annotated[Number, Meta(description="not run, for a reason of their own")] = 0
    xfailed: Annotated[Number, Meta(description="failed as expected")] = 0
    unfit: Annotated[Number, Meta(description="not run, because no board of the run has what they need")] = 0
    flaky: Annotated[Number, Meta(description="passed, but not the first time")] = 0
    quarantined: Annotated[Number, Meta(description="ran, but do not decide the verdict, however they ended")] = 0
    not_run: Annotated[Number, Meta(description="were to run, and the run ended before them")] = 0

    @property
    def total(self) -> int:
        """How many cases there are."""
        return sum(astuple(self))


def count(cases: Iterable[Case]) -> Counts:
    """Count `cases`. A test in which the board or the lab failed counts there, whatever else it saw."""
    seen = Counter(_column(case) for case in cases)
    return Counts(**seen)


def ran_any(cases: Iterable[Case]) -> bool:
    """Whether at least one test was carried out; one that is only said to fail (`xfail(run=False)`) was not."""
    return any(
        case.outcome is not Outcome.SKIPPED
        and not (case.outcome is Outcome.XFAILED and case.reason.startswith(NOT_CARRIED_OUT))
        for case in cases
    )


def _column(case: Case) -> str:
    if any(fault.kind is FaultKind.INFRASTRUCTURE for fault in case.faults):
        return "infrastructure"
    if case.never_started:
        return "not_run"
    if case.unfit:
        return "unfit"
    if case.quarantined and not case.deciding and case.outcome is not Outcome.SKIPPED:
        return "quarantined"
    return "errors" if case.outcome is Outcome.ERROR else case.outcome.value


def worst(faults: Iterable[Fault]) -> ExitCode:
    """Return the exit code of the worst of `faults`, in the order 3, 2, 1, 0."""
    return max((fault.kind.exit_code for fault in faults), default=ExitCode.PASSED)


def verdict(
    exit_code: ExitCode, *, interrupted: bool = False, flaky: bool = False, nothing_ran: bool = False
) -> Verdict:
    """Return the word for a run that returns `exit_code`. Lost infrastructure outweighs an interruption.

    `flaky` says that there were flaky tests and no findings; the run may still return 1, if it was asked to.
    `nothing_ran` says that not one test was carried out and that no other fault explains it.
    """
    if interrupted and exit_code is not ExitCode.INFRASTRUCTURE:
        return Verdict.INTERRUPTED
    if nothing_ran:
        return Verdict.NOTHING_RAN
    if flaky and exit_code <= ExitCode.FINDINGS:
        return Verdict.FLAKY
    return Verdict[exit_code.name]
