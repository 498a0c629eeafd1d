"""The search: both ends are checked, then the candidates between them are halved until one change is left.

Before a candidate's test is believed, a canary test must pass with the same firmware on the same board. If the canary
fails, the candidate before which all was well decides whose fault that is: if the canary passes with that one, the
candidate is broken in another way, and skipped; if not, the board is sick, and nothing is learned from it.

A board can turn bad after the canary has passed, and then it is the test that fails. So a failure counts against the
candidate only if the canary still passes after it.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.errors import InfrastructureError, UsageError
from hil.operations.bisect.candidates import NoFirmware
from hil.operations.bisect.runner import Judgement, RunOutcome
from hil.operations.bisect.state import CandidateVerdict, Trial

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hil.operations.bisect.candidates import Candidates
    from hil.operations.bisect.state import BisectionState

ATTEMPTS = 3
"""How often a board may fail before the search gives up."""
PAUSE_SECONDS = 15.0
"""The pause after a failure of the board."""


class BoardUnusable(InfrastructureError):
    """The board fails with firmware that it has worked with, so that no further result can be believed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The result. There are several `suspects` only if candidates between them could not be tried."""

    last_good: Trial
    first_bad: Trial
    suspects: tuple[str, ...]

    @property
    def sure(self) -> bool:
        """Whether a single change is left."""
        return len(self.suspects) == 1


@dataclass(frozen=True, slots=True)
class BisectionProgress:
    """What is being done with a candidate, how many candidates are left, and an estimate of the seconds for them."""

    candidate: str
    doing: str
    left: int
    seconds: float


class Bisection:
    """One search. `judge` runs a test with firmware; `on_progress` is called per step, `on_trial` after each trial."""

    def __init__(
        self,
        state: BisectionState,
        candidates: Candidates,
        judge: Callable[[str, Path], Judgement],
        *,
        pause: Callable[[float], None] = time.sleep,
        on_progress: Callable[[BisectionProgress], None] = lambda _progress: None,
        on_trial: Callable[[Trial], None] = lambda _trial: None,
    ) -> None:
        self._state = state
        self._candidates = candidates
        self._judge = judge
        self._pause = pause
        self._on_progress = on_progress
        self._on_trial = on_trial
        self._now = state.settings.good

    def run(self) -> Answer:
        """Search, from the saved state on. Raises `UsageError` for wrong ends, and `BoardUnusable`."""
        try:
            good, bad = self._candidates.ends
            self._require(good, CandidateVerdict.GOOD, f"{self._state.settings.test} does not pass at the good end")
            self._require(bad, CandidateVerdict.BAD, f"{self._state.settings.test} does not fail at the bad end")
        except UsageError:  # there is nothing to resume
            self._finish()
            raise
        while self._untried:
            self._try(self._untried[0])
        first_bad = self._state.with_verdict(CandidateVerdict.BAD)[-1]
        answer = Answer(
            self._trial(self._state.with_verdict(CandidateVerdict.GOOD)[-1]),
            self._trial(first_bad),
            (*self._suspects, first_bad),
        )
        self._finish()
        return answer

    def _finish(self) -> None:
        self._state.finished = True
        self._state.save()
        for candidate in {self._now, *(trial.candidate for trial in self._state.trials)}:
            self._candidates.discard(candidate)

    @property
    def _suspects(self) -> list[str]:
        """The candidates that may be the first bad one, without the earliest that is known to be bad."""
        return self._candidates.suspects(
            self._state.with_verdict(CandidateVerdict.GOOD), self._state.with_verdict(CandidateVerdict.BAD)[-1]
        )

    @property
    def _untried(self) -> list[str]:
        skipped = self._state.with_verdict(CandidateVerdict.SKIP)
        return [candidate for candidate in self._suspects if candidate not in skipped]

    def _trial(self, candidate: str) -> Trial:
        trial = self._state.trial(candidate)
        assert trial is not None
        return trial

    def _require(self, candidate: str, verdict: CandidateVerdict, otherwise: str) -> None:
        trial = self._state.trial(candidate) or self._try(candidate)
        if trial.verdict is not verdict:
            name, why = self._candidates.name(candidate), f": {trial.reason}" if trial.reason else ""
            raise UsageError(f"{otherwise} ({name}){why}", hint="choose other ends; see " + trial.record)

    def _try(self, candidate: str) -> Trial:
        began = time.monotonic()
        self._now = candidate
        try:
            self._report("building")
            verdict, judgement = self._verdict(self._candidates.firmware(candidate))
        except NoFirmware as error:
            verdict, judgement = CandidateVerdict.SKIP, Judgement(RunOutcome.LOST, error.message)
        seconds = round(time.monotonic() - began, 3)
        trial = Trial(candidate, verdict, seconds, judgement.reason, judgement.record)
        self._state.add(trial)
        self._on_trial(trial)
        self._discard_unneeded_firmware()
        return trial

    def _discard_unneeded_firmware(self) -> None:
        good = self._state.with_verdict(CandidateVerdict.GOOD)
        for trial in self._state.trials:
            if trial.candidate not in good[-1:]:
                self._candidates.discard(trial.candidate)

    def _verdict(self, firmware: Path) -> tuple[CandidateVerdict, Judgement]:
        """Judge firmware, again if the board fails. Raises `BoardUnusable`."""
        lost = Judgement(RunOutcome.LOST)
        for attempt in range(1, ATTEMPTS + 1):
            if attempt > 1:
                self._report(f"waiting for the board, which failed: {lost.reason}")
                self._pause(PAUSE_SECONDS)
            canary = self._check(firmware, "canary")
            if canary.outcome is RunOutcome.FAILED and self._passes_with_good_firmware():
                return CandidateVerdict.SKIP, Judgement(
                    canary.outcome, f"the canary fails: {canary.reason}", canary.record
                )
            if canary.outcome is not RunOutcome.PASSED:
                lost = canary
                continue
            self._report("test")
            judgement = self._judge(self._state.settings.test, firmware)
            if judgement.outcome is RunOutcome.PASSED:
                return CandidateVerdict.GOOD, judgement
            if judgement.outcome is RunOutcome.LOST:
                lost = judgement
                continue
            after = self._check(firmware, "canary once more")
            if after.outcome is RunOutcome.PASSED:
                return CandidateVerdict.BAD, judgement
            why = f"the canary, which passed before the test, does not pass after it: {after.reason}"
            lost = Judgement(RunOutcome.LOST, why, after.record)
        raise BoardUnusable(
            f"the board failed {ATTEMPTS} times with {self._candidates.name(self._now)}: {lost.reason}",
            board=self._state.settings.board,
            hint=f"repair it, then `hil bisect --resume`; see {lost.record or self._state.directory}",
        )

    def _check(self, firmware: Path, doing: str) -> Judgement:
        if not self._state.settings.canary:
            return Judgement(RunOutcome.PASSED)
        self._report(doing)
        return self._judge(self._state.settings.canary, firmware)

    def _passes_with_good_firmware(self) -> bool:
        """Whether the canary passes with firmware that is known to be good; False when none is known yet."""
        good = self._state.with_verdict(CandidateVerdict.GOOD)
        if not good:
            return False
        firmware = self._candidates.firmware(good[-1])
        return self._check(firmware, "canary with good firmware").outcome is RunOutcome.PASSED

    def _report(self, doing: str) -> None:
        ends = bool(self._state.with_verdict(CandidateVerdict.GOOD) and self._state.with_verdict(CandidateVerdict.BAD))
        left = len(self._untried) if ends else 0
        steps = math.ceil(math.log2(left + 1))
        spent = [trial.seconds for trial in self._state.trials]
        seconds = steps * sum(spent) / len(spent) if spent else 0.0
        self._on_progress(BisectionProgress(self._now, doing, left, seconds))
