"""How long tests will take, as far as earlier runs tell."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from hil.report.history import last_runs, usual_times_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

RUNS = 5
"""So many runs of a board say how long its tests take."""
UNKNOWN_SECONDS = 1.0
"""What a test takes that never ran, when no other did either."""
SURE_SECONDS = 3.0
"""After so many expected seconds the pace of this run is trusted."""

Durations = dict[tuple[str, str], float]
"""Seconds, by board and test."""


def durations(reports: Path, boards: Iterable[str]) -> Durations:
    """Return what passed tests usually took in the newest runs on `boards` whose records are in `reports`."""
    found: Durations = {}
    for board in boards:
        runs, _ = last_runs(reports, RUNS, board=board)
        found |= {key: usual.median for key, usual in usual_times_of(runs).items() if key[0] == board}
    return found


class Outlook:
    """What is left of a run, in seconds; tests that are new take what the others take on the average."""

    def __init__(self) -> None:
        self._expected: Durations = {}
        self._average = UNKNOWN_SECONDS
        self._left: defaultdict[str, set[str]] = defaultdict(set)
        self._ended: Durations = {}

    @property
    def known(self) -> bool:
        """Whether earlier runs say anything."""
        return bool(self._expected)

    def learn(self, expected: Durations) -> None:
        """Take what earlier runs say; it may come while the run goes on."""
        if expected:
            self._average = sum(expected.values()) / len(expected)
            self._expected = expected

    def plan(self, board: str, id: str) -> None:
        """A test is to run on a board."""
        self._left[board].add(id)

    def end(self, board: str, id: str, seconds: float) -> None:
        """A test has ended."""
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
