"""Which runs are removed when somebody wants space or order, and which never are."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from hil.errors import RecordFailed, UsageError
from hil.record import Verdict
from hil.record.run import LATEST
from hil.report.index import indexed
from hil.report.runs import Runs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

_AGE = re.compile(r"(?P<number>\d{1,6})(?P<unit>[hdw])")
_HOURS = {"h": 1, "d": 24, "w": 7 * 24}
_SIZE = re.compile(r"(?P<number>\d{1,9})(?P<unit>[kMGT]?)B?")
_POWERS = {"": 0, "k": 1, "M": 2, "G": 3, "T": 4}
_REMOVED = ".removed."
"""How a run's directory begins while it is removed: no command takes what is left of it for a run."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What may stay: runs younger than `age`, the newest `number` of them, all of them in `size` bytes; None: any."""

    age: timedelta | None = None
    number: int | None = None
    size: int | None = None

    @property
    def any(self) -> bool:
        """Whether there is a limit at all."""
        return (self.age, self.number, self.size) != (None, None, None)


@dataclass(frozen=True, slots=True)
class KeptRun:
    """A run that could be removed: `size` is that of its files in bytes."""

    path: Path
    started: datetime
    label: str
    size: int


def parse_age(text: str) -> timedelta:
    """Return an age such as `12h`, `30d` or `8w`. Raises `UsageError`."""
    if not (found := _AGE.fullmatch(text)):
        raise UsageError(f"{text!r} is no age", hint="a number of hours, days or weeks: 12h, 30d, 8w")
    return timedelta(hours=int(found["number"]) * _HOURS[found["unit"]])


def parse_size(text: str) -> int:
    """Return a size such as `500M` or `2G` in bytes; a unit is 1024 times the one before. Raises `UsageError`."""
    if not (found := _SIZE.fullmatch(text)):
        raise UsageError(f"{text!r} is no size", hint="a number of bytes, with k, M, G or T: 500M, 2G")
    unit: int = 1024 ** _POWERS[found["unit"]]
    return int(found["number"]) * unit


def surplus(reports: Path, limits: Limits, *, label: str = "", now: datetime | None = None) -> list[KeptRun]:
    """Return the runs below `reports` that are beyond any of the limits, oldest first.

    A run with a label is never among them, unless its label is the one that is named: then only such runs are. So are
    neither runs that go on, those that a link such as `latest-BOARD` leads to, nor those whose record cannot be read.
    """
    linked = {link.resolve().name for link in reports.glob(f"{LATEST}*") if link.is_symlink()}
    runs = [run for path in Runs(reports).paths() if (run := _run(path)) and run.label == label]
    removed = [run for run in _beyond(runs, limits, now or datetime.now(UTC)) if run.path.name not in linked]
    return sorted(removed, key=lambda run: run.started)


def remove(runs: Iterable[KeptRun]) -> None:
    """Remove the directories of runs; one that cannot be removed is named. Raises `RecordFailed`."""
    for run in runs:
        doomed = run.path.with_name(f"{_REMOVED}{run.path.name}")
        try:
            run.path.rename(doomed)
            shutil.rmtree(doomed)
        except OSError as error:
            raise RecordFailed(f"{run.path} cannot be removed: {error.strerror}", hint="look who owns it") from error


def _beyond(runs: Sequence[KeptRun], limits: Limits, now: datetime) -> list[KeptRun]:
    found = []
    total = 0
    for place, run in enumerate(sorted(runs, key=lambda run: run.started, reverse=True), start=1):
        total += run.size
        old = limits.age is not None and now - run.started > limits.age
        many = limits.number is not None and place > limits.number
        large = limits.size is not None and total > limits.size
        if old or many or large:
            found.append(run)
    return found


def _run(path: Path) -> KeptRun | None:
    run = indexed(path)
    if run is None or run.verdict == Verdict.RUNNING:
        return None
    size = sum(file.lstat().st_size for file in path.rglob("*") if file.is_file() and not file.is_symlink())
    return KeptRun(path, datetime.fromisoformat(run.started), run.label, size)
