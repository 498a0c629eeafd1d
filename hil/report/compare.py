"""Two runs side by side: new failures, repairs, what became slower, and what else differs."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import asdict, dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from itertools import groupby
from statistics import median
from typing import TYPE_CHECKING, Any

from hil.errors import ExitCode
from hil.record import FaultKind, load
from hil.record.case import BLOCKED
from hil.report.history import RUNS_SEARCHED, last_runs, usual_stages_of, usual_times_of
from hil.report.index import NOT_RUN, IndexedRun, word
from hil.report.origin import Commits, Origin, commits_between, origin

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from hil.record import Case, Record
    from hil.report.history import Usual

SLOWER_RATIO = 1.5
SLOWER_SECONDS = 1.0
"""A test is slower when it exceeds the usual time by this factor and this many seconds, and every earlier run."""

FAILS = frozenset({"failed", "error"})
LOST = frozenset({"infrastructure", "usage", "interrupted", BLOCKED})
"""Words after which nothing is known about the firmware."""
PUT_ASIDE = frozenset({"skipped", "unfit"})
"""Words of tests that were not carried out, for a reason that is said."""

_NUMBERS = re.compile(r"0x[0-9a-fA-F]+|\d+")


class Change(StrEnum):
    """How a test of the second run compares with the first, the worst first. A new test that fails is a new failure."""

    NEW_FAILURE = "new failures"
    NEWLY_FLAKY = "newly flaky"
    LOST = "lost to the lab"
    OTHER_FAILURE = "fail otherwise"
    STILL_FAILING = "still failing"
    REMOVED = "tests that did not run"
    PUT_ASIDE = "no longer carried out"
    FIXED = "fixed"
    OTHER = "other outcome"
    NEW = "new tests"


WORSE = frozenset({Change.NEW_FAILURE, Change.NEWLY_FLAKY})
GONE = frozenset({Change.REMOVED, Change.PUT_ASIDE})
"""Tests that the first run carried out, and the second one did not: what they would say is not known."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One test that ended otherwise, or failed in both runs. `before` and `after` are words of `IndexedCase`.

    `was` and `fault` say in one line what went wrong.
    """

    change: Change
    id: str
    board: str
    before: str
    after: str
    was: str
    fault: str


@dataclass(frozen=True, slots=True)
class Slower:
    """A test, or a state that a board was brought into, that took longer than usual; in seconds."""

    what: str
    board: str
    usual: float
    runs: int
    seconds: float

    @property
    def ratio(self) -> float:
        """So many times what is usual; what takes no time that can be measured counts as a millisecond."""
        return self.seconds / max(self.usual, 0.001)


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two runs."""

    id: str
    name: str
    started: str
    verdict: str

    @classmethod
    def from_record(cls, record: Record) -> Side:
        """Leave out what is compared elsewhere."""
        return cls(record.id, record.name, record.started, record.verdict.value)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The differences between the runs `before` and `after`.

    `boards` are pairs of names; one is empty where a board is in one run only. `same` tests ended with the same word,
    those that still fail among them. `pace` is the median over tests that
    passed in both runs of the second time divided by the first: what is slower should be seen in its light.
    """

    before: Side
    after: Side
    boards: tuple[tuple[str, str], ...]
    differences: tuple[Difference, ...]
    same: int
    slower: tuple[Slower, ...]
    pace: float
    origins: tuple[Origin, ...]
    commits: Commits

    @property
    def worse(self) -> bool:
        """Whether something fails that did not, is flaky that was not, or is gone."""
        return any(difference.change in WORSE | GONE for difference in self.differences)

    def exit_code(self, may_be_gone: Sequence[str] = ()) -> ExitCode:
        """Return the exit code of a gate: 0 if the second run has all that the first one has, and nothing new is wrong.

        Tests whose ids match one of the patterns `may_be_gone` may be missing. Where the lab, the user or an
        interruption kept a test from a result that it had before, the code is that of such a fault.
        """
        codes = [ExitCode.PASSED]
        for difference in self.differences:
            excused = any(fnmatchcase(difference.id, pattern) for pattern in may_be_gone)
            if difference.change is Change.LOST:
                of_lab = difference.after in {FaultKind.INFRASTRUCTURE, BLOCKED}
                codes.append(ExitCode.INFRASTRUCTURE if of_lab else ExitCode.USAGE)
            elif difference.change in {Change.NEW_FAILURE, Change.NEWLY_FLAKY} or (
                difference.change in GONE and not excused
            ):
                codes.append(ExitCode.FINDINGS)
        return max(codes)

    def by_change(self) -> dict[Change, list[Difference]]:
        """Return the differences by their kind, the worst first, kinds without any left out."""
        order = list(Change)
        ordered = sorted(self.differences, key=lambda difference: order.index(difference.change))
        return {
            change: list(differences)
            for change, differences in groupby(ordered, key=lambda difference: difference.change)
        }

    def by_board(self) -> dict[str, str]:
        """Return in a line per board how many differences of each kind it has, or in which run alone it was."""
        told = {}
        for before, after in self.boards:
            kinds = Counter(
                difference.change for difference in self.differences if difference.board == (after or before)
            )
            counts = ", ".join(f"{change.value}: {kinds[change]}" for change in Change if kinds[change])
            only = "in the first run only" if not after else "in the second run only" if not before else "as before"
            told[after or before] = counts if before and after and counts else only
        return told

    def plain(self) -> dict[str, Any]:
        """Return it for JSON."""
        slower = [{**asdict(test), "ratio": round(test.ratio, 3)} for test in self.slower]
        return {**asdict(self), "slower": slower, "worse": self.worse}


def compare(before: Path, after: Path, *, tree: Path | None = None) -> Comparison:
    """Compare the run in directory `after` with that in `before`; `tree` has the git history, if anything does.

    What is usual comes from the run `before` and those on the same boards that lie beside it and are older.
    Raises `UsageError` when either directory holds no record.
    """
    earlier, now = load(before), load(after)
    boards = _pairs(earlier, now)
    names = dict(boards)
    first = {(names.get(case.board) or case.board, case.id): case for case in earlier.cases}
    second = {(case.board, case.id): case for case in now.cases}
    compared = [(first.get(key), second.get(key)) for key in {**first, **second}]
    differences = [found for pair in compared if (found := _difference(*pair))]
    return Comparison(
        before=Side.from_record(earlier),
        after=Side.from_record(now),
        boards=boards,
        differences=tuple(sorted(differences, key=lambda found: (found.board, found.id))),
        same=sum(_same(*pair) for pair in compared),
        slower=tuple(_slower(before, earlier, now, names)),
        pace=_pace((a, b) for a, b in compared if a and b),
        origins=tuple(found for pair in boards for found in origin(*pair, earlier, now)),
        commits=commits_between(earlier, now, tree),
    )


def _pairs(before: Record, after: Record) -> tuple[tuple[str, str], ...]:
    """Boards of the same name; where no name is the same, one board alone is compared with another one."""
    old, new = [board.name for board in before.boards], [board.name for board in after.boards]
    if len(old) == len(new) == 1:
        return ((old[0], new[0]),)
    return (
        *((name, name if name in new else "") for name in old),
        *(("", name) for name in new if name not in old),
    )


def _difference(before: Case | None, after: Case | None) -> Difference | None:
    old, new = (word(case) if case else "" for case in (before, after))
    change = _change(before, after, old, new)
    known = after or before
    if change is None or known is None:
        return None
    return Difference(change, known.id, known.board, old, new, _fault(before), _fault(after))


def _same(before: Case | None, after: Case | None) -> bool:
    return before is not None and after is not None and word(before) == word(after) not in {"unfit", NOT_RUN}


def _change(before: Case | None, after: Case | None, old: str, new: str) -> Change | None:
    match old, new:
        case (("" | "unfit" | "not-run"), ("" | "unfit" | "not-run")):
            return None
        case _, ("" | "not-run"):
            return Change.REMOVED
        case _, ("skipped" | "unfit"):
            if old in {"", "unfit", "not-run"}:
                return Change.NEW if new == "skipped" else None
            if old in PUT_ASIDE | LOST:
                return None if old == new else Change.OTHER
            return Change.PUT_ASIDE
        case _ if new in FAILS:
            if old not in FAILS:
                return Change.NEW_FAILURE
            return Change.STILL_FAILING if _likeness(before) == _likeness(after) else Change.OTHER_FAILURE
        case _ if new in LOST:
            return None if old in LOST else Change.LOST
        case _, "flaky":
            return None if old == "flaky" else Change.NEWLY_FLAKY
        case (("" | "unfit" | "not-run"), _):
            return Change.NEW
        case _, ("passed" | "xfailed") if old in FAILS:
            return Change.FIXED
        case _:
            return None if old == new else Change.OTHER


def _fault(case: Case | None) -> str:
    if case is None or not case.faults:
        return case.reason if case else ""
    return f"{case.faults[0].type}: {case.faults[0].message}"


def _likeness(case: Case | None) -> str:
    """The fault without its numbers, which may well be others when the same thing goes wrong again."""
    return _NUMBERS.sub("#", _fault(case))


def _slower(path: Path, before: Record, after: Record, names: Mapping[str, str]) -> Iterable[Slower]:
    older, _ = last_runs(path.resolve().parent, RUNS_SEARCHED - 1, before=before.id)
    runs = [*older, IndexedRun.from_record(before)]
    now = IndexedRun.from_record(after)
    measured = [
        (usual_stages_of(runs), {key: usual.median for key, usual in usual_stages_of([now]).items()}),
        (usual_times_of(runs), {key: usual.median for key, usual in usual_times_of([now]).items()}),
    ]
    found = []
    for usuals, seconds in measured:
        for (board, what), usual in usuals.items():
            spent = seconds.get((names.get(board, board), what))
            if spent is not None and _is_slower(spent, usual):
                found.append(Slower(what, names.get(board, board), usual.median, usual.runs, spent))
    return sorted(found, key=lambda test: test.usual - test.seconds)


def _is_slower(seconds: float, usual: Usual) -> bool:
    return seconds > max(usual.median * SLOWER_RATIO, usual.median + SLOWER_SECONDS, usual.most)


def _pace(pairs: Iterable[tuple[Case, Case]]) -> float:
    ratios = [
        new.duration / old.duration
        for old, new in pairs
        if word(old) == word(new) == "passed" and old.duration and new.duration
    ]
    return round(median(ratios), 3) if ratios else 1.0
