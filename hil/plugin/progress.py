"""One test while it runs, phase by phase."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hil.record import Case, Fault, Outcome

if TYPE_CHECKING:
    import pytest

    from hil.record import ConsoleSlice


@dataclass(slots=True)
class Progress:
    """Collects what a test does until it becomes a `Case`."""

    id: str
    mark: tuple[int, ...]
    properties: tuple[tuple[str, str], ...]
    stage: str = ""
    duration: float = 0.0
    reason: str = ""
    outcome: Outcome = Outcome.PASSED
    faults: list[Fault] = field(default_factory=list)
    unfit: bool = False

    def phase(self, report: pytest.TestReport, fault: Fault | None, *, stage: str) -> None:
        """Add the end of one phase, and the fault that ended it, if any."""
        self.duration += report.duration
        self.stage = stage or self.stage
        if fault:
            self.faults.append(fault)
        elif report.skipped:
            self.outcome = Outcome.XFAILED if hasattr(report, "wasxfail") else Outcome.SKIPPED
            self.reason = skip_reason(report)

    def case(self, console: tuple[ConsoleSlice, ...]) -> Case:
        """Return the test as it goes into the record."""
        return Case(
            id=self.id,
            outcome=self._outcome(),
            duration=round(self.duration, 4),
            reason=self.reason,
            stage=self.stage,
            faults=tuple(self.faults),
            properties=self.properties,
            console=console,
            unfit=self.unfit and not self.faults,
        )

    def _outcome(self) -> Outcome:
        if not self.faults:
            return self.outcome
        return Outcome.FAILED if any(fault.finding for fault in self.faults) else Outcome.ERROR


def skip_reason(report: pytest.TestReport) -> str:
    """Return why a test was skipped, or was expected to fail."""
    if hasattr(report, "wasxfail"):
        return str(report.wasxfail).removeprefix("reason: ")
    if isinstance(report.longrepr, tuple):
        return report.longrepr[2].removeprefix("Skipped: ")
    return str(report.longrepr or "")
