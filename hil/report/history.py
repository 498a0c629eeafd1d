"""The last runs side by side: how each test ended in them, how often it changed its mind, since when it fails.

Also what runs usually take, for all who want to compare a run with those before it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Any

from msgspec import structs

from hil.record.case import BLOCKED
from hil.record.verdict import Verdict
from hil.report.index import NOT_RUN, IndexedRun, indexed
from hil.report.runs import Runs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from hil.report.index import IndexedCase

RUNS_COMPARED = 10
"""So many runs say what a test or a stage usually takes: the last in which it did."""
RUNS_SEARCHED = 5 * RUNS_COMPARED
"""So many runs back they are looked for."""
GOOD = frozenset({"passed", "xfailed"})
BAD = frozenset({"failed", "error"})
"""Words of attempts that say something about the firmware; all others say that nothing is known."""
_TELLING = GOOD | BAD


@dataclass(frozen=True, slots=True)
class Since:
    """The run in which a test that fails failed first, and what was on the board then.

    `before` tells that an earlier run was good; without it the failure may be older than all that was looked at.
    """

    run: str
    started: str
    firmware_hash: str
    git: str
    before: str


@dataclass(frozen=True, slots=True)
class TestHistory:
    """One test on one board. `moments` say how it ended in each run, `None` where it was not part of it.

    `attempts` counts those that say something about the firmware. A flip is one of them that ended otherwise than the
    one before it, although firmware and commit were the same; so a bug and its repair are none.
    """

    __test__ = False

    id: str
    board: str
    moments: tuple[IndexedCase | None, ...]
    attempts: int
    flips: int
    since: Since | None

    @property
    def flake_rate(self) -> float:
        """Flips per attempt, from 0 to 1."""
        return self.flips / self.attempts if self.attempts else 0.0

    @property
    def steady(self) -> bool:
        """Whether no run has anything bad to say about it; where it was blocked, the cause stands elsewhere."""
        return all(moment is None or moment.word in _QUIET for moment in self.moments)

    @property
    def seconds(self) -> float:
        """The median over the runs in which it passed; 0 when it never did."""
        return _median(moment.seconds for moment in self.moments if moment and moment.word == "passed")

    def plain(self) -> dict[str, Any]:
        """Return it for JSON."""
        moments = [
            {"word": moment.word, "seconds": moment.seconds, "attempts": moment.attempts} if moment else None
            for moment in self.moments
        ]
        return {
            "id": self.id,
            "board": self.board,
            "moments": moments,
            "attempts": self.attempts,
            "flips": self.flips,
            "flake_rate": round(self.flake_rate, 4),
            "since": asdict(self.since) if self.since else None,
            "median": self.seconds,
        }


_WITHOUT_TESTS = frozenset({Verdict.NOTHING_RAN, Verdict.KILLED})
"""Verdicts of runs that are part of the history, though they have no test."""
_QUIET = frozenset({"passed", "xfailed", "skipped", "unfit", BLOCKED, NOT_RUN})


@dataclass(frozen=True, slots=True)
class History:
    """Runs, oldest first, and the tests of any of them. `unread` runs are of other versions, or broken."""

    runs: tuple[IndexedRun, ...]
    tests: tuple[TestHistory, ...]
    unread: int

    @property
    def words(self) -> set[str]:
        """All words that tests and runs ended with."""
        told = {moment.word for test in self.tests for moment in test.moments if moment}
        return told | {run.verdict for run in self.runs}

    def plain(self) -> dict[str, Any]:
        """Return it for JSON: runs without their cases, tests with what follows from their moments."""
        runs = [
            {"id": run.id, "started": run.started, "duration": run.duration, "verdict": run.verdict, "label": run.label}
            | {"boards": [structs.asdict(board) for board in run.boards]}
            for run in self.runs
        ]
        return {"runs": runs, "tests": [test.plain() for test in self.tests], "unread": self.unread}


@dataclass(frozen=True, slots=True)
class Usual:
    """What something took in the last runs, in seconds."""

    median: float
    least: float
    most: float
    runs: int


def history(reports: Path, number: int, *, board: str = "", tests: str = "", label: str = "") -> History:
    """Return the last `number` runs below `reports` (those with `board` or `label`, if one is named).

    `tests` is a part of the ids that are wanted, or a glob that they match.
    """
    runs, unread = last_runs(reports, number, board=board, label=label)
    rows: dict[tuple[str, str], dict[int, IndexedCase]] = defaultdict(dict)
    for column, run in enumerate(runs):
        for case in run.cases:
            if (not board or case.board == board) and (tests in case.id or fnmatchcase(case.id, tests)):
                rows[case.board, case.id][column] = case
    names = {name for name, _ in rows}
    origins = {name: [_ran(run, name) for run in runs] for name in names}
    told = [_row(id, name, cells, runs, origins[name]) for (name, id), cells in rows.items()]
    return History(tuple(runs), tuple(sorted(told, key=lambda test: (test.board, test.id))), unread)


def last_runs(
    reports: Path, number: int, *, board: str = "", before: str = "", label: str = ""
) -> tuple[list[IndexedRun], int]:
    """Return the newest `number` runs, oldest first, and how many could not be read.

    With `board` only those that it took part in, with `label` only those that have it, with `before` only those older
    than the run of that id.
    """
    found: list[IndexedRun] = []
    unread = 0
    for path in reversed(Runs(reports).whole()):
        if len(found) == number:
            break
        if before and path.name >= before:
            continue
        run = indexed(path)
        if run is None:
            unread += 1
        elif (
            (run.cases or run.verdict in _WITHOUT_TESTS)
            and (not board or board in {tested.name for tested in run.boards})
            and (not label or label == run.label)
        ):
            found.append(run)
    return sorted(found, key=lambda run: run.started), unread


def usual_stages_of(runs: Sequence[IndexedRun]) -> dict[tuple[str, str], Usual]:
    """Return by board and state what it took to get there in the last of `runs` that came to it."""
    return _usual([[((stage.board, stage.name), stage.seconds) for stage in run.stages] for run in runs])


def usual_times_of(runs: Sequence[IndexedRun]) -> dict[tuple[str, str], Usual]:
    """Return by board and test id what it took in the last of `runs` in which it passed."""
    passed = [[case for case in run.cases if case.word == "passed"] for run in runs]
    return _usual([[((case.board, case.id), case.seconds) for case in cases] for cases in passed])


def _usual(measured: Sequence[Sequence[tuple[tuple[str, str], float]]]) -> dict[tuple[str, str], Usual]:
    """Fold what was measured in each run, oldest first; a run of few tests pushes nothing out of sight."""
    runs: Counter[tuple[str, str]] = Counter()
    times: dict[tuple[str, str], list[float]] = defaultdict(list)
    for of_run in reversed(measured):
        wanted = {key for key, _ in of_run if runs[key] < RUNS_COMPARED}
        runs.update(wanted)
        for key, seconds in of_run:
            if key in wanted:
                times[key].append(seconds)
    return {key: Usual(median(seconds), min(seconds), max(seconds), runs[key]) for key, seconds in times.items()}


def _row(
    id: str, board: str, cells: dict[int, IndexedCase], runs: Sequence[IndexedRun], origins: Sequence[tuple[str, str]]
) -> TestHistory:
    moments = tuple(cells.get(column) for column in range(len(runs)))
    told = [
        (column, attempt, origins[column])
        for column, cell in sorted(cells.items())
        for attempt in cell.attempts
        if attempt in _TELLING
    ]
    flips = sum(
        (word in BAD) is not (next_word in BAD) and origin == next_origin
        for (_, word, origin), (_, next_word, next_origin) in pairwise(told)
    )
    return TestHistory(id, board, moments, len(told), flips, _since(told, runs))


def _since(told: Sequence[tuple[int, str, tuple[str, str]]], runs: Sequence[IndexedRun]) -> Since | None:
    """Go back over the attempts, newest first, as long as they are bad."""
    first, before = None, ""
    for column, word, ran in reversed(told):
        if word not in BAD:
            before = runs[column].id
            break
        first = column, ran
    if first is None:
        return None
    column, ran = first
    return Since(runs[column].id, runs[column].started, *ran, before)


def _ran(run: IndexedRun, board: str) -> tuple[str, str]:
    """Firmware and commit that a board ran."""
    return next(((tested.firmware_hash, tested.git) for tested in run.boards if tested.name == board), ("", ""))


def _median(values: Iterable[float]) -> float:
    found = list(values)
    return median(found) if found else 0.0
