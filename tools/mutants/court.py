"""Judging mutants one by one: first the tests without any change, then each change with its own tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.mutants.tree import StaleMutant
from tools.mutants.trial import run_suites, run_tests
from tools.mutants.verdict import Judgement, Verdict, verdict_on

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from tools.mutants.mutant import Mutant
    from tools.mutants.tree import Tree
    from tools.mutants.trial import Trial

_BASELINE_SECONDS = 900.0


class Baseline:
    """Whether the tests pass on the unchanged tree; a mutant whose tests fail without it cannot be judged."""

    def __init__(self, tree: Tree, logs: Path) -> None:
        self._tree = tree
        self._logs = logs
        self._green: dict[tuple[str, tuple[str, ...]], bool] = {}

    def run(self, mutants: Sequence[Mutant]) -> Iterator[str]:
        """Run the tests of all mutants, those of one board or of `tests/` at once; yield a line about each run.

        Only where such a run fails is it worth asking which selection is to blame.
        """
        for board in sorted({_place(mutant) for mutant in mutants}):
            here = [mutant for mutant in mutants if _place(mutant) == board]
            everything = tuple(sorted({test for mutant in here for test in mutant.tests}))
            seconds = max(_BASELINE_SECONDS, sum(mutant.seconds for mutant in here) / 4)
            trial = self._trial(board, everything, seconds, f"baseline-{board or 'host'}")
            where = f"on {board}" if board else "in tests/"
            if trial.green:
                self._green |= {(board, mutant.tests): True for mutant in here}
                yield f"baseline {where}: {trial.passed} tests pass without any change, {trial.seconds:.0f} s"
                continue
            yield f"baseline {where} is not green: {_why(trial)}; each selection is tried by itself"
            for tests in sorted({mutant.tests for mutant in here}):
                name = f"baseline-{board or 'host'}-{len(self._green)}"
                alone = self._trial(board, tests, _BASELINE_SECONDS, name)
                self._green[board, tests] = alone.green
                if not alone.green:
                    yield f"baseline {where}: {' '.join(tests)}: {_why(alone)}"

    def covers(self, mutant: Mutant) -> bool:
        """Whether the mutant's tests pass without it."""
        return self._green[_place(mutant), mutant.tests]

    def _trial(self, board: str, tests: tuple[str, ...], seconds: float, name: str) -> Trial:
        return _trial(self._tree, board, tests, seconds, self._logs / f"{name}.log")


def judge(tree: Tree, baseline: Baseline, part: str, mutant: Mutant, logs: Path) -> Judgement:
    """Apply a mutant, run its tests, and take it back."""
    try:
        with tree.mutated(mutant):
            if not mutant.tests:
                return Judgement(part, mutant, Verdict.EXCUSED, detail=mutant.excuse)
            if not baseline.covers(mutant):
                return Judgement(part, mutant, Verdict.UNJUDGED, detail="its tests fail without it")
            trial = _trial(tree, _place(mutant), mutant.tests, mutant.seconds, logs / f"{mutant.id}.log")
    except StaleMutant as error:
        return Judgement(part, mutant, Verdict.STALE, detail=str(error))
    verdict, detail = verdict_on(mutant, trial)
    return Judgement(part, mutant, verdict, trial.seconds, detail)


def judge_all(tree: Tree, lists: Mapping[str, Sequence[Mutant]], logs: Path) -> Iterator[Judgement | str]:
    """Judge every mutant; yield lines about the baseline, then one judgement after the other."""
    baseline = Baseline(tree, logs)
    yield from baseline.run([mutant for mutants in lists.values() for mutant in mutants if mutant.tests])
    for part, mutants in lists.items():
        for mutant in mutants:
            yield judge(tree, baseline, part, mutant, logs)


def _place(mutant: Mutant) -> str:
    """Return the board that judges a mutant, or nothing for the tests of `tests/`."""
    return mutant.board if mutant.on_board else ""


def _trial(tree: Tree, board: str, tests: tuple[str, ...], seconds: float, log: Path) -> Trial:
    return run_suites(tree, board, tests, seconds, log) if board else run_tests(tree, tests, seconds, log)


def _why(trial: Trial) -> str:
    if trial.timed_out:
        return f"stopped after {trial.seconds:.0f} s"
    if trial.failed or trial.errors:
        return f"{(*trial.failed, *trial.errors)[0]} fails"
    return f"nothing was reported, exit status {trial.status}" if not trial.passed else f"exit status {trial.status}"
