"""What pytest's terminal says of tests whose outcomes pytest itself does not know."""

from __future__ import annotations

import pytest

from hil.record import Outcome
from hil.record.case import BLOCKED

CATEGORY = "hil category"
"""Property of a report: why it is an error and no finding, or what else is to be said of it."""
RETRIED = "rerun"
"""The outcome of a report whose test runs again; no other plugin counts it."""
FLAKY = Outcome.FLAKY.value
QUARANTINED = "quarantined"
UNFIT = "unfit"


def say(report: pytest.TestReport, word: str) -> None:
    """Have this word said of a report."""
    report.user_properties.append((CATEGORY, word))


@pytest.hookimpl(tryfirst=True)
def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    """Return category, letter and word; what is not a finding is an error, in whichever phase it happened."""
    if not isinstance(report, pytest.TestReport):
        return None
    words = [value for name, value in report.user_properties if name == CATEGORY]
    if report.outcome == RETRIED:
        return "retried", "R", "RETRIED"
    if report.failed:
        return _failed(next((word for word in words if word != FLAKY), ""))
    if report.when != "call" and not report.skipped:
        return None
    if UNFIT in words:
        return UNFIT, "u", "UNFIT"
    if QUARANTINED in words:
        return QUARANTINED, "q", f"QUARANTINED ({'failed' if report.skipped else 'passed'})"
    return (FLAKY, "~", "FLAKY") if FLAKY in words else None


def _failed(why: object) -> tuple[str, str, str] | None:
    if why == BLOCKED:
        return BLOCKED, "B", "BLOCKED"
    return ("error", "E", f"ERROR ({why})") if why else None
