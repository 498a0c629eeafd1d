"""The record of one run: a directory that is valid at every moment, also when the run is killed.

`events.jsonl` grows by one line per event as it happens; `run.json` is written whole at the start and at the end.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import time
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from msgspec.structs import replace

from hil.errors import ExitCode, RecordFailed, UsageError
from hil.files import link_atomically, write_atomically
from hil.record import requirements
from hil.record.case import NEVER_STARTED, Case, Fault, FaultKind, Outcome
from hil.record.fold import without_unfit
from hil.record.packing import EVENTS_FILE
from hil.record.plain import from_json, plain, plain_case, plain_record, to_json, written_record
from hil.record.process import started
from hil.record.record import BoardOfRun, Record
from hil.record.step import iso
from hil.record.verdict import count, ran_any, verdict, worst

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from hil.record.case import Attempt
    from hil.record.provenance import Provenance
    from hil.record.record import RolePlayed
    from hil.record.step import Stage

RUN_FILE = "run.json"
LATEST = "latest"
"""The link to the newest run; `latest-<board>` and `latest-<label>` lead to the newest on a board, and of a label."""
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
NAMES_SHOWN = 3
"""More boards than this are only counted in the name of a run."""
_NOT_FOR_US = (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.ENOENT)
"""The errors of a place where nobody could write a record, or not this user."""
_WITHOUT_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS)
"""What file systems without symbolic links, such as FAT, answer to one."""
MAKE_SPACE = "make space, then run again"
"""What to do when a record cannot be written."""
NOTHING_RAN = "NothingRan"
"""The type of the fault of a run that carried out no test."""
REASONS_TOLD = 3


class RunWriter(Protocol):
    """What a test session tells about itself while it goes on."""

    path: Path
    """The directory of the run."""
    seat: str
    """The directory of the board's transcripts below it; empty: that of the board's name."""
    failed: str
    """Why nothing can be written any more, such as a full disk; the run should end. Empty while all is well."""

    def plan(self, ids: Iterable[str]) -> None:
        """Say which tests are meant to run."""

    def begin(self, id: str) -> None:
        """Say that a test starts."""

    def retry(self, id: str, attempt: Attempt) -> None:
        """Say that a test did not pass and runs again."""

    def add(self, case: Case) -> None:
        """Add a test that has ended."""

    def add_stage(self, stage: Stage) -> None:
        """Add that the board was brought into a state."""

    def add_fault(self, fault: Fault) -> None:
        """Add something that went wrong outside of every test."""

    def event(self, name: str, /, **details: Any) -> None:
        """Append one event to the timeline."""

    def finish(self, exit_code: ExitCode, *, interrupted: bool = False, may_be_empty: bool = False) -> Record | None:
        """Close the record; returns it if it is complete, and not only one board's part."""


class Run:
    """Writes the record of a run on `boards` while it goes on, in a new directory below `reports`.

    `root` is that of the tree that it belongs to. With `fail_on_flaky` a run in which only flaky tests are wrong
    returns 1. A `label` tells runs such as those of the night from others. Raises `UsageError` if it cannot be one.
    """

    def __init__(
        self,
        reports: Path,
        *boards: BoardOfRun,
        root: Path | None = None,
        fail_on_flaky: bool = False,
        label: str = "",
    ) -> None:
        _check_label(label, boards)
        now = datetime.now(UTC)
        name = "+".join(board.name for board in boards) if len(boards) <= NAMES_SHOWN else f"{len(boards)}-boards"
        self._clock = time.monotonic()
        id = f"{now:%Y%m%dT%H%M%S.%f}Z-{name}-{secrets.token_hex(3)}"
        self.path = reports / id
        place = self.path.absolute()
        self._record = Record(
            id=id,
            name=name,
            directory=str(place.relative_to(root) if root and place.is_relative_to(root) else place),
            started=iso(now),
            boards=boards,
            requirements=requirements.of_tree(root) if root else (),
            label=label,
            process=os.getpid(),
            process_started=started(os.getpid()),
        )
        self._fail_on_flaky = fail_on_flaky
        self._planned: dict[tuple[str, str], None] = {}
        self._cases: list[Case] = []
        self._faults: list[Fault] = []
        self._stages: list[Stage] = []
        self.failed = ""
        self.seat = ""
        try:
            self._open()
        except OSError as error:
            refuse_place(reports, error)
            self._fail(error)
        self.event("run-started", **plain_record(self._record))
        self._write()
        for link in (LATEST, *(f"{LATEST}-{of}" for of in (*(board.name for board in boards), label) if of)):
            self._guard(partial(_link, reports / link, self.path.name))
        if self.failed:
            raise RecordFailed(self.failed, hint=MAKE_SPACE)

    @property
    def record(self) -> Record:
        """The record as it stands."""
        return self._record

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What went wrong so far and counts, in tests and outside of them."""
        return (*self._faults, *(fault for case in self._cases for fault in case.deciding))

    def describe(self, name: str, provenance: Provenance, roles: tuple[RolePlayed, ...] = ()) -> None:
        """Record what is on a board of the run, when that became known only after the run had begun."""
        boards = tuple(
            replace(board, provenance=provenance, roles=roles) if board.name == name else board
            for board in self._record.boards
        )
        if boards != self._record.boards:
            self._record = replace(self._record, boards=boards)
            self.event("described", board=name, provenance=plain(provenance))
            self._write()

    def plan(self, ids: Iterable[str], *, board: str = "") -> None:
        """Remember what is meant to run, so that a run that was cut short cannot look complete."""
        known = list(ids)
        self._planned |= dict.fromkeys((board or self._record.name, id) for id in known)
        self.event("planned", **({"board": board} if board else {}), ids=known)

    def begin(self, id: str, **where: str) -> None:
        """Say that a test starts; a killed run shows which one it was."""
        self.event("case-started", id=id, **where)

    def event(self, name: str, /, **details: Any) -> None:
        """Append one event to the timeline; `t` is in seconds since the start of the run. See `failed`."""
        line = {"t": round(time.monotonic() - self._clock, 6), "at": iso(datetime.now(UTC)), "event": name, **details}
        self._guard(lambda: self._append(to_json(line) + b"\n"))

    def add(self, case: Case) -> None:
        """Add a test that has ended."""
        case = case.at(self._record.name)
        self._cases.append(case)
        self.event("case", **plain_case(case))

    def retry(self, id: str, attempt: Attempt, **where: str) -> None:
        """Record that a test did not pass and runs again. Its attempts are part of its case, too, when it has ended."""
        self.event("attempt", id=id, **{**plain(attempt), **where})

    def add_stage(self, stage: Stage) -> None:
        """Add that a board was brought into a state."""
        stage = replace(stage, board=stage.board or self._record.name)
        self._stages.append(stage)
        self.event("stage", **plain(stage))

    def add_fault(self, fault: Fault) -> None:
        """Add something that went wrong outside of every test."""
        fault = replace(fault, board=fault.board or self._record.name)
        self._faults.append(fault)
        self.event("fault", **plain(fault))

    def finish(self, exit_code: ExitCode, *, interrupted: bool = False, may_be_empty: bool = False) -> Record:
        """Close the record with its verdict and return it; its exit code is that of the run.

        A run that carried out no test is a usage fault, unless another fault explains it. With `may_be_empty` it is
        none: nothing was to be run.
        """
        done = {(case.board, case.id) for case in self._cases}
        for board, id in self._planned:
            if (board, id) not in done:
                self.add(Case(id=id, outcome=Outcome.SKIPPED, reason=NEVER_STARTED, board=board))
        order = [board.name for board in self._record.boards]
        cases = without_unfit(sorted(self._cases, key=lambda case: order.index(case.board)))
        counts = count(cases)
        lost = exit_code is ExitCode.INFRASTRUCTURE
        nothing_ran = not (ran_any(cases) or interrupted or lost or self.faults)
        if nothing_ran and not may_be_empty:
            exit_code = max(exit_code, ExitCode.USAGE)
            self.add_fault(_nothing_ran(cases, self._record))
        flaky = counts.flaky > 0 and worst(self.faults) is ExitCode.PASSED
        if flaky and self._fail_on_flaky:
            exit_code = max(exit_code, ExitCode.FINDINGS)
        self._record = replace(
            self._record,
            verdict=verdict(exit_code, interrupted=interrupted, flaky=flaky, nothing_ran=nothing_ran),
            exit_code=int(exit_code),
            finished=iso(datetime.now(UTC)),
            duration=round(time.monotonic() - self._clock, 3),
            counts=counts,
            faults=tuple(self._faults),
            cases=cases,
            stages=tuple(self._stages),
        )
        ending = ("verdict", "exit_code", "finished", "duration")
        self.event("run-finished", **{name: getattr(self._record, name) for name in ending})
        with contextlib.suppress(OSError):  # the end of what could not be written
            self._events.close()
        self._write()
        return self._record

    def _open(self) -> None:
        self.path.mkdir(parents=True)
        self._events = (self.path / EVENTS_FILE).open("ab")

    def _append(self, line: bytes) -> None:
        self._events.write(line)
        self._events.flush()

    def _write(self) -> None:
        self._guard(lambda: _write(self.path, plain_record(self._record)))

    def _guard(self, write: Callable[[], None]) -> None:
        """Write nothing any more once something could not be written: what is there stays whole."""
        if self.failed:
            return
        try:
            write()
        except OSError as error:
            self._fail(error)

    def _fail(self, error: OSError) -> None:
        self.failed = f"the record in {self.path} cannot be written: {error.strerror}"


def _nothing_ran(cases: Sequence[Case], record: Record) -> Fault:
    """Return the fault of a run that carried out no test, with what became of those that it selected."""
    kinds = {
        "for other boards": [case.reason for case in cases if case.unfit],
        "skipped": [case.reason for case in cases if not (case.unfit or case.never_started)],
        "not run": ["the run ended before them" for case in cases if case.never_started],
    }
    told = [
        f"{len(reasons)} {kind} ({'; '.join(list(dict.fromkeys(reasons))[:REASONS_TOLD])})"
        for kind, reasons in kinds.items()
        if reasons
    ]
    board = record.boards[0].name if len(record.boards) == 1 else ""
    return Fault(
        FaultKind.USAGE,
        "",
        NOTHING_RAN,
        f"not one test ran: {', '.join(told) or 'none was selected'}",
        hint="check the paths, -k and -m, the names of markers and features, and the board",
        board=board,
    )


def _check_label(label: str, boards: Iterable[BoardOfRun]) -> None:
    if label and not _LABEL.fullmatch(label):
        raise UsageError(
            f"{label!r} is no label: {LATEST}-LABEL is to be a file name",
            hint="up to 40 letters, digits, dots, dashes and underscores, a letter or digit first",
        )
    if label in {board.name for board in boards}:
        raise UsageError(f"the label {label!r} is the name of a board, and {LATEST}-{label} is the newest run on it")


def attach(directory: Path, name: str) -> None:
    """Name a file that was put into the directory of a finished run among the attachments of its record."""
    data = from_json((directory / RUN_FILE).read_bytes(), dict[str, Any])
    _write(directory, {**data, "attachments": sorted({*data.get("attachments", ()), name})})


def refuse_place(reports: Path, error: OSError) -> None:
    """Raise `UsageError` if `error` says that records cannot be written in `reports`, by nobody or not by this user."""
    if error.errno in _NOT_FOR_US:
        raise UsageError(
            f"no record can be written in {reports}: {error.strerror}",
            hint="`reports` in [tool.hil] of pyproject.toml names another directory; so does --hil-reports",
        ) from None


def _link(link: Path, target: str) -> None:
    """Make a link to the newest run, where the file system has links: a record is whole without them."""
    try:
        link_atomically(link, target)
    except OSError as error:
        if error.errno not in _WITHOUT_LINKS:
            raise


def _write(directory: Path, data: dict[str, Any]) -> None:
    write_atomically(directory / RUN_FILE, written_record(data))
