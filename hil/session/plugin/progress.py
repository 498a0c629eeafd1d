"""The state of a running test, attempt by attempt and phase by phase."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from msgspec.structs import replace

from hil.record import Attempt, Case, Fault, Outcome, Output
from hil.record.account import Account
from hil.record.case import BLOCKED, NOT_CARRIED_OUT
from hil.record.step import ago

if TYPE_CHECKING:
    import pytest

    from hil.record import Attachment, ConsoleSlice, Quarantine, Step


@dataclass(slots=True)
class AttemptProgress:
    """Collects the phases of one attempt until it becomes an `Attempt`."""

    mark: tuple[int, ...]
    started: str = field(default_factory=lambda: ago(0))
    stage: str = ""
    duration: float = 0.0
    reason: str = ""
    outcome: Outcome = Outcome.PASSED
    faults: list[Fault] = field(default_factory=list)
    unsupported: bool = False
    began: float = field(default_factory=time.monotonic)
    account: Account = field(default_factory=Account)
    output: tuple[Output, ...] = ()
    attachments: list[Attachment] = field(default_factory=list)

    def phase(self, report: pytest.TestReport, fault: Fault | None, *, stage: str) -> None:
        """Add a phase that has ended, and the fault that ended it, if any."""
        self.duration += report.duration
        self.stage = stage or self.stage
        if fault:
            self.faults.append(fault)
        elif report.skipped:
            self.outcome = Outcome.XFAILED if hasattr(report, "wasxfail") else Outcome.SKIPPED
            self.reason = skip_reason(report)

    def attempt(self, number: int, console: tuple[ConsoleSlice, ...]) -> Attempt:
        """Return the attempt for the record."""
        return Attempt(
            number=number,
            outcome=self._outcome(),
            started=self.started,
            duration=round(self.duration, 4),
            stage=self.stage,
            reason=self.reason,
            faults=tuple(self.faults),
            console=console,
            account=self.account.entries(self.began, passed=not self.faults),
            output=self.output,
            attachments=tuple(self.attachments),
        )

    def _outcome(self) -> Outcome:
        if not self.faults:
            return self.outcome
        return Outcome.FAILED if any(fault.finding for fault in self.faults) else Outcome.ERROR


@dataclass(slots=True)
class CaseProgress:
    """Collects the attempts of a test until they become a `Case`."""

    id: str
    properties: tuple[tuple[str, str], ...]
    quarantined: Quarantine | None
    now: AttemptProgress
    attempts: list[Attempt] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)

    def end_attempt(self, console: tuple[ConsoleSlice, ...]) -> Attempt:
        """Close the current attempt and return it."""
        self.attempts.append(self.now.attempt(len(self.attempts) + 1, console))
        return self.attempts[-1]

    def case(self) -> Case:
        """Return the test for the record. A blocked test has no attempt, as it was not started."""
        case = Case.from_attempts(
            self.id,
            self.attempts,
            properties=self.properties,
            unfit=self.now.unsupported and not self.now.faults,
            steps=tuple(self.steps),
            quarantined=self.quarantined,
        )
        return replace(case, attempts=()) if case.reason == BLOCKED and len(self.attempts) == 1 else case


OUTPUT_CHARACTERS = 32 * 1024
"""How much of what a test printed or logged in one phase is kept."""
_CAPTURED = "Captured "
"""How pytest's title of a section begins that has what a test printed or logged."""


def captured(report: pytest.TestReport) -> tuple[Output, ...]:
    """Return what a test has printed and logged, phase by phase, until the phase that a report is about."""
    return tuple(
        Output(title.removeprefix(_CAPTURED), shortened(text, OUTPUT_CHARACTERS, "cut by the record"))
        for title, text in report.sections
        if title.startswith(_CAPTURED) and text
    )


def shortened(text: str, most: int, why: str) -> str:
    """Return `text`, without its middle if it is longer than `most` characters: both ends tell more."""
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]}\n[... {len(text) - 2 * half} characters are left out: {why} ...]\n{text[-half:]}"


_SKIPPED = re.compile(r"^Skipped(: |$)")
"""What pytest writes before the reason of a skip, or in its place."""


def skip_reason(report: pytest.TestReport) -> str:
    """Return why a test was skipped, or was expected to fail; never empty, see `give_reason`."""
    if hasattr(report, "wasxfail"):
        return str(report.wasxfail).removeprefix("reason: ").strip()
    if isinstance(report.longrepr, tuple):
        return _SKIPPED.sub("", report.longrepr[2]).strip()
    return str(report.longrepr or "").strip()


def give_reason(report: pytest.TestReport) -> None:
    """Say of a test that was skipped, or expected to fail, without a reason, that it has none, and where it says so.

    The report is changed, so that pytest's own output and other plugins tell the same.
    """
    if not report.skipped or skip_reason(report).removeprefix(NOT_CARRIED_OUT).strip():
        return
    path, line, _ = report.location
    if hasattr(report, "wasxfail"):
        before = f"{NOT_CARRIED_OUT} " if NOT_CARRIED_OUT in str(report.wasxfail) else ""
        report.wasxfail = f"{before}expected to fail, for no reason that is given ({path}:{(line or 0) + 1})"
        return
    if isinstance(report.longrepr, tuple):
        path, line = report.longrepr[0], int(report.longrepr[1]) - 1
    shown = os.path.relpath(path) if os.path.isabs(path) else path  # noqa: PTH117 # it is text
    report.longrepr = (path, (line or 0) + 1, f"Skipped: no reason is given ({shown}:{(line or 0) + 1})")
