"""The search: both ends are checked, then what is between them is cut into halves until one change is left.

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
from hil.operations.bisect.runner import Judgement, Outcome
from hil.operations.bisect.state import Trial, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hil.operations.bisect.candidates import Candidates
    from hil.operations.bisect.state import State

ATTEMPTS = 3
"""How often a board may fail before it is given up."""
PAUSE_SECONDS = 15.0
"""What a board is left alone for after it has failed."""


class BoardSick(InfrastructureError):
    """The board fails with firmware that it has worked with: nothing more can be learned from it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came out. `suspects` are several only where those between them could not be tried."""

    last_good: Trial
    first_bad: Trial
    suspects: tuple[str, ...]

    @property
    def sure(self) -> bool:
        """Whether one change is left."""
        return len(self.suspects) == 1


@dataclass(frozen=True, slots=True)
class Progress:
    """What is being done with a candidate, and how much is left: candidates, and seconds by what the others took."""

    candidate: str
    doing: str
    left: int
    seconds: float


class Bisection:
    """One search. `judge` runs a test with some firmware; `news` hears what is done, `tried` each trial that ended."""

    def __init__(
        self,
        state: State,
        candidates: Candidates,
        judge: Callable[[str, Path], Judgement],
        *,
        pause: Callable[[float], None] = time.sleep,
        news: Callable[[Progress], None] = lambda _progress: None,
        tried: Callable[[Trial], None] = lambda _trial: None,
    ) -> None:
        self._state = state
        self._candidates = candidates
        self._judge = judge
        self._pause = pause
        self._news = news
        self._tried = tried
        self._now = state.settings.good

    def run(self) -> Answer:
        """Search on from where the state is. Raises `UsageError` for wrong ends, `BoardSick`."""
        try:
            good, bad = self._candidates.ends
            self._require(good, Verdict.GOOD, f"{self._state.settings.test} does not pass at the good end")
            self._require(bad, Verdict.BAD, f"{self._state.settings.test} does not fail at the bad end")
        except UsageError:  # there is nothing to go on with
            self._finish()
            raise
        while self._untried:
            self._try(self._untried[0])
        first_bad = self._state.of(Verdict.BAD)[-1]
        answer = Answer(
            self._trial(self._state.of(Verdict.GOOD)[-1]), self._trial(first_bad), (*self._suspects, first_bad)
        )
        self._finish()
        return answer

    def _finish(self) -> None:
        self._state.finished = True
        self._state.save()
        for candidate in {self._now, *(trial.candidate for trial in self._state.trials)}:
            self._candidates.forget(candidate)

    @property
    def _suspects(self) -> list[str]:
        """What may be the first bad one, without the earliest that is known to be bad."""
        return self._candidates.suspects(self._state.of(Verdict.GOOD), self._state.of(Verdict.BAD)[-1])

    @property
    def _untried(self) -> list[str]:
        skipped = self._state.of(Verdict.SKIP)
        return [one for one in self._suspects if one not in skipped]

    def _trial(self, candidate: str) -> Trial:
        trial = self._state.trial(candidate)
        assert trial is not None
        return trial

    def _require(self, candidate: str, verdict: Verdict, otherwise: str) -> None:
        trial = self._state.trial(candidate) or self._try(candidate)
        if trial.verdict is not verdict:
            name, why = self._candidates.name(candidate), f": {trial.reason}" if trial.reason else ""
            raise UsageError(f"{otherwise} ({name}){why}", hint="there is nothing to search; see " + trial.record)

    def _try(self, candidate: str) -> Trial:
        began = time.monotonic()
        self._now = candidate
        try:
            self._tell("building")
            verdict, judgement = self._verdict(self._candidates.firmware(candidate))
        except NoFirmware as error:
            verdict, judgement = Verdict.SKIP, Judgement(Outcome.LOST, error.message)
        seconds = round(time.monotonic() - began, 3)
        trial = Trial(candidate, verdict, seconds, judgement.reason, judgement.record)
        self._state.add(trial)
        self._tried(trial)
        self._keep_only_what_the_canary_needs()
        return trial

    def _keep_only_what_the_canary_needs(self) -> None:
        good = self._state.of(Verdict.GOOD)
        for trial in self._state.trials:
            if trial.candidate not in good[-1:]:
                self._candidates.forget(trial.candidate)

    def _verdict(self, firmware: Path) -> tuple[Verdict, Judgement]:
        """Judge firmware, as often as the board fails. Raises `BoardSick`."""
        lost = Judgement(Outcome.LOST)
        for attempt in range(1, ATTEMPTS + 1):
            if attempt > 1:
                self._tell(f"waiting for the board, which failed: {lost.reason}")
                self._pause(PAUSE_SECONDS)
            canary = self._check(firmware, "canary")
            if canary.outcome is Outcome.FAILED and self._well_with_the_good_one():
                return Verdict.SKIP, Judgement(canary.outcome, f"the canary fails: {canary.reason}", canary.record)
            if canary.outcome is not Outcome.PASSED:
                lost = canary
                continue
            self._tell("test")
            judgement = self._judge(self._state.settings.test, firmware)
            if judgement.outcome is Outcome.PASSED:
                return Verdict.GOOD, judgement
            if judgement.outcome is Outcome.LOST:
                lost = judgement
                continue
            after = self._check(firmware, "canary once more")
            if after.outcome is Outcome.PASSED:
                return Verdict.BAD, judgement
            why = f"the canary, which passed before the test, does not pass after it: {after.reason}"
            lost = Judgement(Outcome.LOST, why, after.record)
        raise BoardSick(
            f"the board failed {ATTEMPTS} times with {self._candidates.name(self._now)}: {lost.reason}",
            board=self._state.settings.board,
            hint=f"repair it, then `hil bisect --resume`; see {lost.record or self._state.directory}",
        )

    def _check(self, firmware: Path, doing: str) -> Judgement:
        if not self._state.settings.canary:
            return Judgement(Outcome.PASSED)
        self._tell(doing)
        return self._judge(self._state.settings.canary, firmware)

    def _well_with_the_good_one(self) -> bool:
        """Whether the canary passes with firmware that is known to be good; False when none is known yet."""
        good = self._state.of(Verdict.GOOD)
        if not good:
            return False
        firmware = self._candidates.firmware(good[-1])
        return self._check(firmware, "canary with good firmware").outcome is Outcome.PASSED

    def _tell(self, doing: str) -> None:
        ends = bool(self._state.of(Verdict.GOOD) and self._state.of(Verdict.BAD))
        left = len(self._untried) if ends else 0
        steps = math.ceil(math.log2(left + 1))
        spent = [trial.seconds for trial in self._state.trials]
        seconds = steps * sum(spent) / len(spent) if spent else 0.0
        self._news(Progress(self._now, doing, left, seconds))
