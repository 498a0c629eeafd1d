"""What becomes of a mutant, and what a whole run of them amounts to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tools.mutants.mutant import Mutant
    from tools.mutants.trial import Trial


class Verdict(StrEnum):
    """One of these for every mutant. Only KILLED and EXCUSED are as they should be."""

    KILLED = "killed"
    SURVIVED = "survived"
    TIMED_OUT = "timed out"  # nobody knows whether a test would have noticed
    BROKEN = "broken"  # it does not build, or its tests could not be run: not a kill
    STALE = "stale"  # the text that it changes is no longer there
    UNJUDGED = "cannot judge"  # its tests do not pass without it, or none of them ran
    EXCUSED = "excused"


_SURVIVED = {Verdict.SURVIVED, Verdict.TIMED_OUT}
_USELESS = {Verdict.BROKEN, Verdict.STALE, Verdict.UNJUDGED}


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on one mutant: `detail` is the test that noticed, or what went wrong."""

    part: str
    mutant: Mutant
    verdict: Verdict
    seconds: float = 0.0
    detail: str = ""


def verdict_on(mutant: Mutant, trial: Trial) -> tuple[Verdict, str]:
    """Return what a trial of the changed tree says, and the test or the line that says so."""
    verdict, detail = _outcome(mutant, trial)
    if mutant.excuse and verdict is Verdict.SURVIVED:
        return Verdict.EXCUSED, mutant.excuse
    if mutant.excuse and verdict is Verdict.KILLED:
        return verdict, f"{detail} (the excuse is no longer needed)"
    return verdict, detail


def _outcome(mutant: Mutant, trial: Trial) -> tuple[Verdict, str]:
    if trial.timed_out:
        what = f"stopped after {mutant.seconds:g} s"
        return (Verdict.KILLED if mutant.timeout_kills else Verdict.TIMED_OUT), what
    if trial.failed:
        return Verdict.KILLED, trial.failed[0]
    if trial.errors and mutant.errors_kill:
        return Verdict.KILLED, f"setup of {trial.errors[0]}"
    if trial.errors:
        return Verdict.BROKEN, f"an error outside of any test body: {trial.errors[0]}"
    if not trial.report or trial.status != 0:
        return Verdict.BROKEN, f"nothing was reported; exit status {trial.status}"
    if trial.passed == 0:
        return Verdict.UNJUDGED, "every test was skipped"
    return Verdict.SURVIVED, mutant.promise


def exit_code(judgements: Sequence[Judgement]) -> int:
    """Return 1 if a mutant survived that has no excuse, 2 if one could not be judged, 0 if all is well."""
    verdicts = {judgement.verdict for judgement in judgements}
    if verdicts & _SURVIVED:
        return 1
    return 2 if verdicts & _USELESS else 0
