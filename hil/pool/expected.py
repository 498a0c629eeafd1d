"""How long tests will take, as far as earlier runs tell."""

from __future__ import annotations

import json
from collections import defaultdict
from statistics import median
from typing import TYPE_CHECKING, Any

from hil.record.case import Outcome
from hil.record.run import RUN_FILE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

RUNS = 5
"""So many runs of a board say how long its tests take."""
LOOKED_AT = 40
"""Directories that are looked at for them."""
UNKNOWN_SECONDS = 1.0
"""What a test takes that never ran, when no other did either."""
SURE_SECONDS = 3.0
"""After so many expected seconds the pace of this run is trusted."""

Durations = dict[tuple[str, str], float]
"""Seconds, by board and test."""


def durations(reports: Path, boards: Collection[str]) -> Durations:
    """Return the medians of what passed tests took in the newest runs on `boards` whose records are in `reports`."""
    found: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    runs: defaultdict[str, int] = defaultdict(int)
    for case in _cases(reports):
        board, id = case["board"], case["id"]
        if id == "" and board in boards:
            runs[board] += 1
        elif board in boards and runs[board] <= RUNS and case["outcome"] == Outcome.PASSED:
            found[board, id].append(case["duration"])
    return {key: median(values) for key, values in found.items()}


def _cases(reports: Path) -> Iterator[Mapping[str, Any]]:
    """Yield the cases of the newest runs, and before those of each run an empty one for each of its boards."""
    directories = sorted((path for path in reports.glob("*Z-*") if not path.is_symlink()), reverse=True)
    for directory in directories[:LOOKED_AT]:
        try:
            record = json.loads((directory / RUN_FILE).read_text(encoding="utf-8"))
            boards = [board["name"] for board in record["boards"]]
            cases = [{key: case[key] for key in ("board", "id", "outcome", "duration")} for case in record["cases"]]
        except (OSError, ValueError, KeyError, TypeError):
            continue  # no record, or one of another version: it tells nothing
        yield from ({"board": board, "id": ""} for board in boards)
        yield from cases


class Outlook:
    """What is left of a run, in seconds; tests that are new take what the others take on the average."""

    def __init__(self, expected: Durations) -> None:
        self._expected = expected
        self._average = sum(expected.values()) / len(expected) if expected else UNKNOWN_SECONDS
        self._left: defaultdict[str, dict[str, float]] = defaultdict(dict)
        self._spent = self._foreseen = 0.0

    @property
    def known(self) -> bool:
        """Whether earlier runs say anything."""
        return bool(self._expected)

    def plan(self, board: str, id: str) -> None:
        """A test is to run on a board."""
        self._left[board][id] = self._expected.get((board, id), self._average)

    def end(self, board: str, id: str, seconds: float) -> None:
        """A test has ended."""
        self._left[board].pop(id, None)
        if (board, id) in self._expected:
            self._spent += seconds
            self._foreseen += self._expected[board, id]

    def left(self, board: str) -> float:
        """Return how many seconds of work are left for a board, at the pace of this run."""
        pace = self._spent / self._foreseen if self._foreseen > SURE_SECONDS else 1.0
        return pace * sum(self._left[board].values())
