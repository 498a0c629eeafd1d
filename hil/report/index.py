"""What the history needs of a run, kept beside its record so that hundreds of runs are read in a moment.

`.index.json` names size, time and inode of the files that it was made of: when one of them is another, it is made anew.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from hil.errors import UsageError
from hil.files import write_atomically
from hil.record import Case, Counts, FaultKind, Outcome, Verdict, load
from hil.record.case import BLOCKED
from hil.record.packing import EVENTS_FILE, packed
from hil.record.record import SCHEMA
from hil.record.run import RUN_FILE

if TYPE_CHECKING:
    from pathlib import Path

    from hil.record import Attempt, Record

INDEX_FILE = ".index.json"
FORMAT = 6
"""Raised whenever what stands in the file, or how it is found, changes."""

NOT_RUN = "not-run"
"""The word of a case that was to run, and that the end of the run forestalled."""
QUARANTINED = "quarantined"
"""The word of a case that did not pass, where that does not count; its attempts say what happened."""

_BAD = frozenset({Outcome.FAILED, Outcome.ERROR, Outcome.FLAKY})
_KNOWS_NOTHING = frozenset({FaultKind.INFRASTRUCTURE, FaultKind.USAGE, FaultKind.INTERRUPTED})


class IndexedBoard(Struct, frozen=True, array_like=True):
    """A board of a run, and which firmware and commit it ran."""

    name: str
    firmware_hash: str
    git: str


class IndexedCase(Struct, frozen=True, array_like=True):
    """A test of a run on one board; `seconds` over all phases.

    `word` is the outcome, or whose fault it was when it says nothing about the firmware: `infrastructure`, `usage`,
    `interrupted`, `blocked`, `not-run`, `unfit`; or `quarantined`. `attempts` has such a word for each time that it was
    tried.
    """

    id: str
    board: str
    word: str
    seconds: float
    attempts: tuple[str, ...]


class IndexedStage(Struct, frozen=True, array_like=True):
    """A state that a board was brought into, and how long that took in seconds."""

    board: str
    name: str
    seconds: float


class IndexedRun(Struct, frozen=True, array_like=True):
    """A run in brief. Times are UTC in ISO 8601, `duration` is in seconds."""

    id: str
    name: str
    started: str
    duration: float
    verdict: str
    counts: Counts
    boards: tuple[IndexedBoard, ...]
    cases: tuple[IndexedCase, ...]
    stages: tuple[IndexedStage, ...]
    label: str = ""

    @classmethod
    def from_record(cls, record: Record) -> IndexedRun:
        """Leave out of `record` what the history does not ask for."""
        return cls(
            id=record.id,
            name=record.name,
            started=record.started,
            duration=record.duration,
            verdict=record.verdict.value,
            counts=record.counts,
            boards=tuple(
                IndexedBoard(board.name, board.provenance.firmware_hash, board.provenance.git)
                for board in record.boards
            ),
            cases=tuple(
                IndexedCase(case.id, case.board, word(case), round(case.duration, 3), tuple(map(word, case.attempts)))
                for case in record.cases
            ),
            stages=tuple(
                IndexedStage(stage.board, stage.stage, round(stage.duration, 3)) for stage in record.stages if stage.ok
            ),
            label=record.label,
        )


class _Index(Struct):
    """The content of the file. Things are arrays in it: their keys would be most of it."""

    made_of: list[list[int]]
    run: IndexedRun | None


def indexed(directory: Path) -> IndexedRun | None:
    """Return the run in `directory` in brief, or nothing when its record is of another version or broken."""
    made_of = _made_of(directory)
    with contextlib.suppress(OSError, msgspec.DecodeError):
        kept = msgspec.json.decode((directory / INDEX_FILE).read_bytes(), type=_Index)
        if kept.made_of == made_of:
            return kept.run
    try:
        run = IndexedRun.from_record(load(directory))
    except UsageError:
        run = None
    if run and run.verdict == Verdict.RUNNING:
        return run  # when its process ends, no file changes that would tell
    # A folder that cannot be written, a full disk, or a name that UTF-8 cannot hold only cost time in the next call.
    with contextlib.suppress(OSError, UnicodeEncodeError):
        write_atomically(directory / INDEX_FILE, msgspec.json.encode(_Index(made_of, run)))
    return run


def word(ran: Case | Attempt) -> str:
    """Return how a test ended, or what kept it from saying anything about the firmware."""
    if isinstance(ran, Case) and ran.unfit:
        return "unfit"
    if isinstance(ran, Case) and ran.never_started:
        return NOT_RUN
    if ran.reason == BLOCKED:
        return BLOCKED
    if isinstance(ran, Case) and ran.quarantined and ran.outcome in _BAD and not ran.deciding:
        return QUARANTINED
    return ran.fault.value if ran.fault in _KNOWS_NOTHING else ran.outcome.value


def _made_of(directory: Path) -> list[list[int]]:
    found = [[FORMAT, SCHEMA]]
    events = directory / EVENTS_FILE
    for file in (directory / RUN_FILE, events, packed(events)):
        try:
            status = file.stat()
        except OSError:
            found.append([])
            continue
        found.append([status.st_size, status.st_mtime_ns, status.st_ino])
    return found
