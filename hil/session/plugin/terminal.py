"""Outcomes in pytest's terminal that pytest itself does not know, such as flaky and blocked."""

from __future__ import annotations

import pytest

from hil.record import Outcome
from hil.record.case import BLOCKED

CATEGORY = "hil category"
"""The property of a report with its category: why it is an error and no finding, or that it is flaky or the like."""
RETRIED = "rerun"
"""The outcome of a report whose test runs again. No plugin counts an outcome of this name as passed or failed."""
FLAKY = Outcome.FLAKY.value
QUARANTINED = "quarantined"
UNSUPPORTED = "unsupported"


def category_of(report: pytest.TestReport) -> str:
    """Return the category of a report, empty if it has none. That a test is flaky is of no weight beside another."""
    categories = [str(value) for name, value in report.user_properties if name == CATEGORY]
    return next((category for category in categories if category != FLAKY), categories[0] if categories else "")


def set_category(report: pytest.TestReport, category: str) -> None:
    """Mark a report with a category, by which the terminal shows and counts it."""
    report.user_properties.append((CATEGORY, category))


@pytest.hookimpl(tryfirst=True)
def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    """Return category, letter and word. A failure that is no finding is an error, in whichever phase it happened.

    pytest itself calls a failure in the phase `call` failed, even if the board died in it.
    """
    if not isinstance(report, pytest.TestReport):
        return None
    categories = [value for name, value in report.user_properties if name == CATEGORY]
    if report.outcome == RETRIED:
        return "retried", "R", "RETRIED"
    if report.failed:
        return _failed(next((category for category in categories if category != FLAKY), ""))
    if report.when != "call" and not report.skipped:
        return None
    if UNSUPPORTED in categories:
        return UNSUPPORTED, "u", "UNSUPPORTED"
    if QUARANTINED in categories:
        return QUARANTINED, "q", f"QUARANTINED ({'failed' if report.skipped else 'passed'})"
    return (FLAKY, "~", "FLAKY") if FLAKY in categories else None


def _failed(why: object) -> tuple[str, str, str] | None:
    if why == BLOCKED:
        return BLOCKED, "B", "BLOCKED"
    return ("error", "E", f"ERROR ({why})") if why else None
