"""What one test did: its outcome, whose fault a failure was, and what the consoles said, each time it ran."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from hil.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hil.record.step import Step
    from hil.target.crash import Crash

BLOCKED = "blocked"
"""The reason of a test that a failed board kept from running; its cause stands elsewhere."""
ELSEWHERE = "elsewhere"
"""Stands for the file of a test that lies outside of the tree."""


class Outcome(StrEnum):
    """How a test ended. `FAILED` is a finding; after an `ERROR` nothing is known about the firmware.

    `FLAKY` is a case that passed, but not the first time it ran; one attempt alone is never that.
    """

    PASSED = "passed"
    FLAKY = "flaky"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"
    XFAILED = "xfailed"


GOOD = frozenset({Outcome.PASSED, Outcome.XFAILED})
"""What is well unless it went otherwise before."""


class FaultKind(StrEnum):
    """Whose fault it was: the branches of the error tree, and two more that only a test run knows."""

    INFRASTRUCTURE = "infrastructure"
    FIRMWARE = "firmware"
    USAGE = "usage"
    TEST = "test"
    INTERRUPTED = "interrupted"

    @property
    def exit_code(self) -> ExitCode:
        """What a run that saw this fault returns, when nothing worse happened."""
        match self:
            case FaultKind.INFRASTRUCTURE:
                return ExitCode.INFRASTRUCTURE
            case FaultKind.USAGE | FaultKind.INTERRUPTED:
                return ExitCode.USAGE
            case _:
                return ExitCode.FINDINGS


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that went wrong.

    `phase` is `collect`, `setup`, `call` or `teardown`; `type` the name of the exception; `message` one line;
    `details` everything that was seen, for a person; `stage` how far the board had come; `console` the last line that
    it said, with the name of the console; `hint` what to try.
    `finding` tells a broken promise from a test that could not be carried out; `board` is where it went wrong; `crash`
    is what the firmware showed, if it crashed or hung.
    """

    kind: FaultKind
    phase: str
    type: str
    message: str
    details: str = ""
    stage: str = ""
    console: str = ""
    hint: str = ""
    finding: bool = False
    board: str = ""
    crash: Crash | None = None


@dataclass(frozen=True, slots=True)
class ConsoleSlice:
    """What one console said between the start and the end of a test."""

    console: str
    text: str


EXCUSABLE = frozenset({FaultKind.FIRMWARE, FaultKind.TEST})
"""What a quarantine forgives: what a test says, and not the loss of its board."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One time that a test ran: from its setup to its teardown.

    `number` counts from 1; `started` is UTC in ISO 8601, `duration` in seconds.
    """

    number: int
    outcome: Outcome
    started: str = ""
    duration: float = 0.0
    board: str = ""
    seat: str = ""
    stage: str = ""
    reason: str = ""
    faults: tuple[Fault, ...] = ()
    console: tuple[ConsoleSlice, ...] = ()

    @property
    def fault(self) -> FaultKind | None:
        """Whose fault it was that it did not pass."""
        return worst_kind(self.faults)


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Why a case does not decide the verdict, who is to mend it, and until which day (ISO 8601) that holds."""

    owner: str
    reason: str
    expires: str


@dataclass(frozen=True, slots=True)
class Case:
    """One test of a run on one board. `id` is pytest's node id, `duration` in seconds, over all attempts.

    `attempts` are all times that it ran; `faults`, `console`, `stage`, `reason` and `seat` are those of the last one.
    `unfit` tells a test that was skipped because the board lacks what it needs; `seat` is which of several boards of
    the same kind ran it.
    """

    id: str
    outcome: Outcome
    duration: float = 0.0
    reason: str = ""
    stage: str = ""
    faults: tuple[Fault, ...] = ()
    properties: tuple[tuple[str, str], ...] = ()
    console: tuple[ConsoleSlice, ...] = ()
    board: str = ""
    seat: str = ""
    unfit: bool = False
    attempts: tuple[Attempt, ...] = ()
    steps: tuple[Step, ...] = ()
    quarantined: Quarantine | None = None

    @classmethod
    def of(cls, id: str, attempts: Sequence[Attempt], **more: Any) -> Case:
        """Return the case of a test that ran as `attempts` tell; `more` are the fields that no attempt has."""
        last = attempts[-1]
        failed = any(attempt.faults for attempt in attempts)
        return cls(
            id=id,
            outcome=Outcome.FLAKY if failed and last.outcome in GOOD else last.outcome,
            duration=round(sum(attempt.duration for attempt in attempts), 4),
            reason=last.reason,
            stage=last.stage,
            faults=last.faults,
            console=last.console,
            board=last.board,
            seat=last.seat,
            attempts=tuple(attempts),
            **more,
        )

    def after(self, earlier: Iterable[Attempt]) -> Case:
        """Return the case with attempts that were made elsewhere, before its own."""
        attempts = [replace(one, number=number) for number, one in enumerate((*earlier, *self.attempts), 1)]
        more = {name: getattr(self, name) for name in ("properties", "unfit", "steps", "quarantined")}
        return Case.of(self.id, attempts, **more)

    def at(self, board: str, seat: str = "") -> Case:
        """Return the case with where it ran; attempts that ran elsewhere say so themselves, and keep that."""
        attempts = tuple(
            replace(attempt, board=attempt.board or board, seat=attempt.seat or seat) for attempt in self.attempts
        )
        return replace(self, board=self.board or board, seat=self.seat or seat, attempts=attempts)

    @property
    def fault(self) -> FaultKind | None:
        """Whose fault it was that it did not pass in the end."""
        return worst_kind(self.faults)

    @property
    def deciding(self) -> tuple[Fault, ...]:
        """The faults that count for the run's verdict."""
        return tuple(fault for fault in self.faults if not (self.quarantined and fault.kind in EXCUSABLE))

    @property
    def path(self) -> PurePosixPath:
        """The file of the test, relative to the root of the tree; pytest does not name one that lies elsewhere."""
        return PurePosixPath(self.id.partition("::")[0] or ELSEWHERE)

    @property
    def name(self) -> str:
        """The name of the test within its file, with its parameters."""
        return self.id.partition("::")[2].replace("::", ".") or self.path.name

    @property
    def subject(self) -> str:
        """What the test is about: the directory below the top one, or the file when it lies at the top."""
        inner = self.path.parts[1:] or self.path.parts
        return inner[0].removesuffix(".py").removeprefix("test_")


def worst_kind(faults: Iterable[Fault]) -> FaultKind | None:
    """Return the kind of the worst of `faults`, by exit code; of equals the first."""
    return max((fault.kind for fault in faults), key=lambda kind: kind.exit_code, default=None)
