"""What one test did: its outcome, whose fault a failure was, and what the consoles said, each time it ran.

The fields here, with their descriptions, are also the format of `run.json`: see `hil.record.reference`.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from msgspec import Meta, Struct, field
from msgspec.structs import force_setattr, replace

from hil.errors import ExitCode
from hil.record.account import Entry
from hil.record.step import Step, TimestampOrEmpty
from hil.target.crash.crash import Crash

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

BLOCKED = "blocked"
"""The reason of a test that a failed board kept from running; its cause stands elsewhere."""
NEVER_STARTED = "not run: the run ended before it"
"""The reason of a test that was to run, and that the end of the run forestalled."""
NOT_CARRIED_OUT = "[NOTRUN]"
"""How pytest begins the reason of a test that is expected to fail and was not even tried: `xfail(run=False)`."""
NO_REASON = "no reason is given"
"""What is said of a skip whose record has no reason, such as one of an older version."""
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


class Fault(Struct, frozen=True):
    """One thing that went wrong."""

    kind: Annotated[FaultKind, Meta(description="whose fault it was")]
    phase: Annotated[
        str,
        Meta(
            description="`collect`, `setup`, `call` or `teardown`; empty outside of tests",
            extra_json_schema={"enum": ["", "collect", "setup", "call", "teardown"]},
        ),
    ]
    type: Annotated[str, Meta(description="name of the exception")]
    message: Annotated[str, Meta(description="what happened, in one line")]
    details: Annotated[str, Meta(description="all that was seen, for people")] = ""
    stage: Annotated[str, Meta(description="how far the board had come")] = ""
    console: Annotated[str, Meta(description="the last line that the board said, after the name of its console")] = ""
    hint: Annotated[str, Meta(description="what to try")] = ""
    finding: Annotated[
        bool, Meta(description="whether it is a broken promise, and not a test that could not be carried out")
    ] = False
    board: Annotated[str, Meta(description="where it went wrong, outside of tests")] = ""
    crash: Annotated[Crash | None, Meta(description="what the firmware showed, if it crashed or hung")] = None


class ConsoleSlice(Struct, frozen=True):
    """What one console said."""

    console: Annotated[str, Meta(description="its name in the board file")]
    text: Annotated[
        str,
        Meta(
            description="its lines, each with seconds since the transcript began and its direction: `<` from the board,"
            " `>` to it, `#` a remark; the middle of a long text is left out, the transcripts have it"
        ),
    ]
    first: Annotated[
        int, Meta(description="the first of these lines in the transcript, from 1; 0: unknown, an older record", ge=0)
    ] = 0
    last: Annotated[int, Meta(description="the last of these lines in the transcript", ge=0)] = 0


class Output(Struct, frozen=True):
    """What a test printed or logged."""

    stream: Annotated[str, Meta(description="what it came by and when, such as `stdout call` or `log setup`")]
    text: Annotated[str, Meta(description="the text; the middle of a long one is left out, which it says")]


class Attachment(Struct, frozen=True):
    """A file that a test kept."""

    name: Annotated[str, Meta(description="the name that the test gave it")]
    file: Annotated[str, Meta(description="the file, relative to the directory of the run")]
    bytes: Annotated[int, Meta(description="its size", ge=0)]
    note: Annotated[str, Meta(description="what is to be said of it, such as that it was cut; mostly empty")] = ""


EXCUSABLE = frozenset({FaultKind.FIRMWARE, FaultKind.TEST})
"""What a quarantine forgives: what a test says, and not the loss of its board."""


_WHOSE_FAULT = {"enum": ["", *FaultKind]}
_OF_ATTEMPT = {"enum": [outcome for outcome in Outcome if outcome is not Outcome.FLAKY]}


class Attempt(Struct, frozen=True):
    """One time that a test ran. The last one has no `faults` and `console`: those of the case are its own."""

    IN_CASE: ClassVar = ("faults", "console")
    """The fields that a record does not repeat for the last attempt."""

    number: Annotated[int, Meta(description="from 1", ge=1)]
    outcome: Annotated[
        Outcome,
        Meta(
            description="how it ended",
            extra_json_schema=_OF_ATTEMPT,
        ),
    ]
    started: Annotated[TimestampOrEmpty, Meta(description="UTC, ISO 8601")] = ""
    duration: Annotated[float, Meta(description="of setup, call and teardown, in seconds", ge=0)] = 0.0
    board: Annotated[str, Meta(description="board that it ran on")] = ""
    seat: Annotated[str, Meta(description="as in the case")] = ""
    stage: Annotated[str, Meta(description="as in the case")] = ""
    reason: Annotated[str, Meta(description="as in the case")] = ""
    faults: Annotated[tuple[Fault, ...], Meta(description="what went wrong")] = ()
    console: Annotated[tuple[ConsoleSlice, ...], Meta(description="what the consoles said meanwhile")] = ()
    account: Annotated[tuple[Entry, ...], Meta(description="what was done on the board")] = ()
    output: Annotated[tuple[Output, ...], Meta(description="what the test printed and logged")] = ()
    attachments: Annotated[tuple[Attachment, ...], Meta(description="files that the test kept")] = ()
    blamed: Annotated[str, Meta(description="as in the case", extra_json_schema=_WHOSE_FAULT)] = field(
        default="", name="fault"
    )

    def __post_init__(self) -> None:
        _blame(self)

    @property
    def fault(self) -> FaultKind | None:
        """Whose fault it was that it did not pass."""
        return worst_kind(self.faults)


class Quarantine(Struct, frozen=True):
    """Why a case does not decide the verdict."""

    owner: Annotated[str, Meta(description="who is to mend it")]
    reason: Annotated[str, Meta(description="what is wrong")]
    expires: Annotated[
        str, Meta(description="the last day on which this holds: ISO 8601", pattern=r"^\d{4}-\d\d-\d\d$")
    ]


class Case(Struct, frozen=True):
    """One test on one board."""

    id: Annotated[str, Meta(description="pytest's node id")]
    outcome: Annotated[Outcome, Meta(description="how it ended; `flaky`: passed, but not the first time")]
    duration: Annotated[
        float,
        Meta(description="of all attempts together, in seconds; without what was done between them", ge=0),
    ] = 0.0
    reason: Annotated[
        str, Meta(description="why it was skipped, or expected to fail; `blocked`: the board had failed before")
    ] = ""
    stage: Annotated[str, Meta(description="how far the board had come when the last attempt ended")] = ""
    faults: Annotated[tuple[Fault, ...], Meta(description="what went wrong in the last attempt")] = ()
    properties: Annotated[
        tuple[tuple[str, str], ...],
        Meta(
            description="pairs of name and value: claims of markers, figures that the test recorded, `place` in a lab"
        ),
    ] = ()
    console: Annotated[
        tuple[ConsoleSlice, ...], Meta(description="what the consoles said during the last attempt")
    ] = ()
    board: Annotated[str, Meta(description="board that it ran on")] = ""
    seat: Annotated[
        str,
        Meta(
            description="which of several boards of that kind; the board's own name, or empty, when there is only one"
        ),
    ] = ""
    unfit: Annotated[bool, Meta(description="whether it was skipped because the board lacks something")] = False
    attempts: Annotated[tuple[Attempt, ...], Meta(description="each time that it ran; empty when it never did")] = ()
    steps: Annotated[tuple[Step, ...], Meta(description="what the framework did for it, in all attempts")] = ()
    quarantined: Annotated[Quarantine | None, Meta(description="why its outcome does not count, or null")] = None
    blamed: Annotated[
        str,
        Meta(
            description="whose fault it was that it did not pass in the end: that of the worst of `faults`;"
            " empty: nobody's",
            extra_json_schema=_WHOSE_FAULT,
        ),
    ] = field(default="", name="fault")

    def __post_init__(self) -> None:
        _blame(self)

    @classmethod
    def from_attempts(cls, id: str, attempts: Sequence[Attempt], **more: Any) -> Case:
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
        attempts = [replace(attempt, number=number) for number, attempt in enumerate((*earlier, *self.attempts), 1)]
        more = {name: getattr(self, name) for name in ("properties", "unfit", "steps", "quarantined")}
        return Case.from_attempts(self.id, attempts, **more)

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
    def never_started(self) -> bool:
        """Whether it was to run, and the run ended before it."""
        return self.reason == NEVER_STARTED and not self.attempts

    @property
    def deciding(self) -> tuple[Fault, ...]:
        """The faults that count for the run's verdict."""
        return tuple(fault for fault in self.faults if not (self.quarantined and fault.kind in EXCUSABLE))

    @property
    def path(self) -> PurePosixPath:
        """The file of the test, relative to the root of the tree; pytest does not name one that lies elsewhere."""
        return PurePosixPath(self.id.partition("::")[0] or ELSEWHERE)

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts of the path, without those that only lead out of the tree."""
        return tuple(part for part in self.path.parts if part not in {"..", "/"}) or (ELSEWHERE,)

    @property
    def name(self) -> str:
        """The name of the test within its file, with its parameters."""
        return self.id.partition("::")[2].replace("::", ".") or self.path.name

    @property
    def subject(self) -> str:
        """What the test is about: the directory below the top one, or the file when it lies at the top."""
        parts = self.parts
        inner = parts[1:] or parts
        return inner[0].removesuffix(".py").removeprefix("test_")


def worst_kind(faults: Iterable[Fault]) -> FaultKind | None:
    """Return the kind of the worst of `faults`, by exit code; of equals the first."""
    return max((fault.kind for fault in faults), key=lambda kind: kind.exit_code, default=None)


def _blame(ran: Attempt | Case) -> None:
    """Keep the key `fault` of the record, which is for readers in other languages, in step with the faults."""
    if ran.faults or ran.blamed:
        force_setattr(ran, "blamed", worst_kind(ran.faults) or "")
