"""Runs a test on the board with one candidate's firmware, and judges the result."""

from __future__ import annotations

import json
import shlex
import tempfile
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from hil.errors import ExitCode, UsageError
from hil.operations.bisect.child import TIMED_OUT, run_child
from hil.paths import HIL
from hil.record import Verdict

if TYPE_CHECKING:
    from pathlib import Path

RUN_SECONDS = 3600.0
_RAN = frozenset({"passed", "flaky", "xfailed"})


class RunOutcome(StrEnum):
    """The outcome of a run; `LOST` says nothing about the firmware, since board or lab failed."""

    PASSED = "passed"
    FAILED = "failed"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Judgement:
    """The outcome of a run, its reason in one line, and the directory of its record, relative to the tree."""

    outcome: RunOutcome
    reason: str = ""
    record: str = ""


@dataclass(frozen=True, slots=True)
class BisectRunner:
    """Runs tests of the tree at `root` on `board`; their records go to `reports`, what they print to `log`.

    The reports are kept apart from those of the tree: what old firmware does is no part of its history.
    """

    root: Path
    board: str
    reports: Path
    log: Path

    def run(self, test: str, firmware: Path) -> Judgement:
        """Run a test, given as arguments for `hil run`, with the images in `firmware`.

        Raises `UsageError` if no test could run.
        """
        words = ["run", "--board", self.board, "--no-build", "--firmware", str(firmware), "--json"]
        words += [f"--hil-reports={self.reports}", *shlex.split(test)]
        with tempfile.TemporaryFile() as output, self.log.open("ab") as log:
            status = run_child([*HIL, *words], self.root, log, RUN_SECONDS, output)
            output.seek(0)
            said = output.read()
        if status == TIMED_OUT:
            return Judgement(RunOutcome.LOST, f"the run did not end within {RUN_SECONDS:g} s")
        try:
            record = json.loads(said)
        except ValueError:
            return self._judge_exit_code(status, test)
        return self._judge(record, test)

    def _judge(self, record: dict[str, Any], test: str) -> Judgement:
        place = self.reports / record["id"]
        directory = str(place.relative_to(self.root) if place.is_relative_to(self.root) else place)
        reason = next((f["message"] for case in record["cases"] for f in case["faults"]), "")
        reason = reason or next((fault["message"] for fault in record["faults"]), "")
        if record["exit_code"] == ExitCode.INFRASTRUCTURE or record["verdict"] == Verdict.INTERRUPTED:
            return Judgement(RunOutcome.LOST, reason, directory)
        outcomes = {case["outcome"] for case in record["cases"]}
        if "failed" in outcomes:
            return Judgement(RunOutcome.FAILED, reason, directory)
        if not outcomes & _RAN:
            why = next(
                (case["reason"] for case in record["cases"] if case["reason"]), reason or "there is no such test"
            )
            raise UsageError(f"{test} does not run on {self.board}: {why}", hint=f"see {directory}")
        return Judgement(RunOutcome.PASSED, "", directory)

    def _judge_exit_code(self, status: int, test: str) -> Judgement:
        """Judge a run that left no record by its exit code."""
        last = (self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines() or [""])[-1].strip()
        if status == ExitCode.USAGE:
            raise UsageError(f"{test} cannot be run on {self.board}: {last}", hint=f"see {self.log}")
        return Judgement(RunOutcome.LOST, last or f"the run ended with status {status}")
