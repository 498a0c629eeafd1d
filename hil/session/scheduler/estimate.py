"""Estimates how long tests will take from the durations in earlier runs."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from hil.report.history import last_runs, usual_times_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

RUNS = 5
"""How many of the newest runs of a board the estimate is made from."""
UNKNOWN_SECONDS = 1.0
"""The duration of a test as long as no duration of any test is known."""
SURE_SECONDS = 3.0
"""How many expected seconds must have run before the pace of this run counts: short tests vary too much."""

Durations = dict[tuple[str, str], float]
"""Seconds, by board and test."""


def durations(reports: Path, boards: Iterable[str]) -> Durations:
    """Return the median duration of passed tests in the newest runs on `boards`, from the records in `reports`."""
    found: Durations = {}
    for board in boards:
        runs, _ = last_runs(reports, RUNS, board=board)
        found |= {key: usual.median for key, usual in usual_times_of(runs).items() if key[0] == board}
    return found


class Estimate:
    """Estimates the rest of a run in seconds. A test without a known duration counts as average."""

    def __init__(self) -> None:
        self._expected: Durations = {}
        self._average = UNKNOWN_SECONDS
        self._left: defaultdict[str, set[str]] = defaultdict(set)
        self._ended: Durations = {}

    @property
    def is_known(self) -> bool:
        """Whether any duration is known from earlier runs."""
        return bool(self._expected)

    def learn(self, expected: Durations) -> None:
        """Take the durations from earlier runs. They may arrive in mid-run, as reading them takes a while."""
        if expected:
            self._average = sum(expected.values()) / len(expected)
            self._expected = expected

    def plan(self, board: str, id: str) -> None:
        """Note that a test is to run on a board."""
        self._left[board].add(id)

    def end(self, board: str, id: str, seconds: float) -> None:
        """Note that a test has ended."""
        self._left[board].discard(id)
        self._ended[board, id] = seconds

    def left(self, board: str) -> float:
        """Return how many seconds of work are left for a board, at the pace of this run."""
        return self._pace() * sum(self._expected.get((board, id), self._average) for id in tuple(self._left[board]))

    def _pace(self) -> float:
        foreseen = [
            (self._expected[key], seconds) for key, seconds in tuple(self._ended.items()) if key in self._expected
        ]
        total = sum(expected for expected, _ in foreseen)
        return sum(seconds for _, seconds in foreseen) / total if total > SURE_SECONDS else 1.0
