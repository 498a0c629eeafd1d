"""The record of one run: a directory that is valid at every moment, also when the run is killed.

`events.jsonl` grows by one line per event as it happens; `run.json` is written whole at the start and at the end.
"""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from hil.record.atomic import link_atomically, write_atomically
from hil.record.verdict import Counts, Verdict, count, verdict

if TYPE_CHECKING:
    from pathlib import Path

    from hil.errors import ExitCode
    from hil.record.case import Case, Fault
    from hil.record.provenance import Provenance

SCHEMA = 1
"""Version of `run.json` and `events.jsonl`; raised whenever a reader must change."""

RUN_FILE = "run.json"
EVENTS_FILE = "events.jsonl"
LATEST = "latest"


@dataclass(frozen=True, slots=True)
class Record:
    """All that is known about a run. Times are UTC in ISO 8601, `duration` is in seconds."""

    id: str
    board: str
    started: str
    provenance: Provenance
    verdict: Verdict = Verdict.RUNNING
    exit_code: int | None = None
    finished: str = ""
    duration: float = 0.0
    counts: Counts = field(default_factory=Counts)
    faults: tuple[Fault, ...] = ()
    cases: tuple[Case, ...] = ()
    schema: int = SCHEMA


class Run:
    """Writes the record of a run while it goes on."""

    def __init__(self, reports: Path, board: str, provenance: Provenance) -> None:
        now = datetime.now(UTC)
        self._clock = time.monotonic()
        self._record = Record(
            id=f"{now:%Y%m%dT%H%M%S.%f}Z-{board}-{secrets.token_hex(3)}",
            board=board,
            started=_iso(now),
            provenance=provenance,
        )
        self._cases: list[Case] = []
        self._faults: list[Fault] = []
        self.path = reports / self._record.id
        self.path.mkdir(parents=True)
        self._events = (self.path / EVENTS_FILE).open("a", encoding="utf-8")
        self.event("run-started", **_plain(self._record))
        self._write()
        link_atomically(reports / LATEST, self.path.name)

    @property
    def record(self) -> Record:
        """The record as it stands."""
        return self._record

    @property
    def cases(self) -> tuple[Case, ...]:
        """The cases so far."""
        return tuple(self._cases)

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What went wrong so far, in tests and outside of them."""
        return (*self._faults, *(fault for case in self._cases for fault in case.faults))

    def event(self, name: str, **details: Any) -> None:
        """Append one event to the timeline; `t` is in seconds since the start of the run."""
        line = {"t": round(time.monotonic() - self._clock, 6), "at": _iso(datetime.now(UTC)), "event": name, **details}
        self._events.write(json.dumps(line, ensure_ascii=True, default=str) + "\n")
        self._events.flush()

    def add(self, case: Case) -> None:
        """Add a test that has ended."""
        self._cases.append(case)
        self.event("case", **_plain(case))

    def add_fault(self, fault: Fault) -> None:
        """Add something that went wrong outside of every test."""
        self._faults.append(fault)
        self.event("fault", **_plain(fault))

    def finish(self, exit_code: ExitCode, *, interrupted: bool = False) -> Record:
        """Close the record with its verdict and return it."""
        self._record = Record(
            id=self._record.id,
            board=self._record.board,
            started=self._record.started,
            provenance=self._record.provenance,
            verdict=verdict(exit_code, interrupted=interrupted),
            exit_code=int(exit_code),
            finished=_iso(datetime.now(UTC)),
            duration=round(time.monotonic() - self._clock, 3),
            counts=count(self._cases),
            faults=tuple(self._faults),
            cases=tuple(self._cases),
        )
        self.event("run-finished", verdict=self._record.verdict, exit_code=int(exit_code))
        self._events.close()
        self._write()
        return self._record

    def _write(self) -> None:
        write_atomically(self.path / RUN_FILE, (json.dumps(_plain(self._record), indent=1) + "\n").encode())


def _plain(thing: Record | Case | Fault) -> dict[str, Any]:
    return asdict(thing)


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
