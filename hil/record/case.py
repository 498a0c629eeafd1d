"""What one test did: its outcome, whose fault a failure was, and what the consoles said meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath

from hil.errors import ExitCode

BLOCKED = "blocked"
"""The reason of a test that a failed board kept from running; its cause stands elsewhere."""


class Outcome(StrEnum):
    """How a test ended. `FAILED` is a finding; after an `ERROR` nothing is known about the firmware."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"
    XFAILED = "xfailed"


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
    `finding` tells a broken promise from a test that could not be carried out; `board` is where it went wrong.
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


@dataclass(frozen=True, slots=True)
class ConsoleSlice:
    """What one console said between the start and the end of a test."""

    console: str
    text: str


@dataclass(frozen=True, slots=True)
class Case:
    """One test of a run on one board. `id` is pytest's node id, `duration` in seconds over setup, call and teardown.

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

    @property
    def path(self) -> PurePosixPath:
        """The file of the test, relative to the root of the tree."""
        return PurePosixPath(self.id.partition("::")[0])

    @property
    def name(self) -> str:
        """The name of the test within its file, with its parameters."""
        return self.id.partition("::")[2].replace("::", ".") or self.path.name

    @property
    def subject(self) -> str:
        """What the test is about: the directory below the top one, or the file when it lies at the top."""
        inner = self.path.parts[1:] or self.path.parts
        return inner[0].removesuffix(".py").removeprefix("test_")
