"""Runs a test again that did not pass, on a board that starts anew, and shows that it did."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest
from _pytest.runner import CallInfo, call_and_report, get_reraise_exceptions

from hil.errors import UsageError
from hil.record import FaultKind
from hil.record.case import BLOCKED
from hil.session.plugin.between import Between
from hil.session.plugin.environment import environment
from hil.session.plugin.quarantine import repeats
from hil.session.plugin.session import SESSION
from hil.session.plugin.words import RETRIED
from hil.session.retries import EXAMPLE, Retries

if TYPE_CHECKING:
    from hil.session.plugin.progress import Progress
    from hil.session.plugin.session import BoardSession

OURS = {FaultKind.USAGE, FaultKind.INTERRUPTED}
"""What is the same again, however often."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add our options."""
    group = parser.getgroup("hil")
    group.addoption(
        "--retry",
        metavar=EXAMPLE,
        type=_retries,
        default=Retries(),
        help="run tests again: after a fault of board or lab so often, after any other failure so often",
    )
    group.addoption(
        "--fail-on-flaky", action="store_true", help="return 1 when a test passed only when it was run again"
    )


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Take over from pytest if any test may run more than once."""
    retries, times = session.config.getoption("retry"), repeats(session.config)
    if retries != Retries() or times:
        repeater = Repeater(session.config.stash[SESSION], retries, times)
        session.config.pluginmanager.register(repeater, "hil-repeater")


def _retries(text: str) -> Retries:
    try:
        return Retries.parse(text)
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None


class Repeater:
    """Takes the place of pytest's own protocol for one test.

    Every attempt has fixtures of its own, but for those of the session: these stay, unless they had failed.
    """

    def __init__(self, session: BoardSession, retries: Retries, times: int) -> None:
        self._session = session
        self._retries = retries
        self._times = times

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        """Run a test until it passes, or has had all its chances; when it is verified, exactly so many times."""
        between = Between.of(item.session)
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        left = self._retries
        while True:
            reports = self._attempt(item, nextitem or between)
            chances = self._chances(left)
            again = chances is not None and not (item.session.shouldstop or item.session.shouldfail)
            if again:
                reports.append(_end_fixtures(item, between))
                again = self._session.renew(environment(item.config))
            if not again and nextitem is None:
                reports.append(_end_fixtures(item, None))
            _forget(item)
            if not (again and chances):
                break
            left = chances
            self._tell(item, reports)
        for report in reports:
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def _attempt(self, item: pytest.Item, nextitem: pytest.Item) -> list[pytest.TestReport]:
        if hasattr(item, "_request") and not item._request:
            item._initrequest()  # type: ignore[attr-defined]
        item.user_properties.clear()
        item._report_sections.clear()
        reports = [call_and_report(item, "setup", log=False)]
        if reports[0].passed:
            reports.append(call_and_report(item, "call", log=False))
        return [*reports, call_and_report(item, "teardown", log=False, nextitem=nextitem)]

    def _chances(self, left: Retries) -> Retries | None:
        """Return what would be left after one more attempt; None if there is to be none."""
        progress = self._session.recorder.current
        if progress is None:
            return None
        if self._times:
            return left if len(progress.attempts) + 1 < self._times else None
        return _less(left, progress)

    def _tell(self, item: pytest.Item, reports: list[pytest.TestReport]) -> None:
        self._session.recorder.end_attempt()
        report = next((report for report in reports if report.failed), reports[0])
        report.outcome = RETRIED  # type: ignore[assignment]
        item.ihook.pytest_runtest_logreport(report=report)


def _less(left: Retries, progress: Progress) -> Retries | None:
    attempt = progress.now
    kinds = {fault.kind for fault in attempt.faults}
    if not kinds or kinds & OURS or attempt.reason == BLOCKED:
        return None
    if FaultKind.INFRASTRUCTURE in kinds:
        return replace(left, infra=left.infra - 1) if left.infra else None
    return replace(left, flaky=left.flaky - 1) if left.flaky and not progress.quarantined else None


def _end_fixtures(item: pytest.Item, nextitem: pytest.Item | None) -> pytest.TestReport:
    """End the fixtures that `nextitem` does not share, after the test's own teardown, which other plugins see once."""
    call = CallInfo.from_call(
        partial(_end, item, nextitem), when="teardown", reraise=get_reraise_exceptions(item.config)
    )
    report: pytest.TestReport = item.ihook.pytest_runtest_makereport(item=item, call=call)
    return report


def _end(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """End also those that had failed: pytest keeps what they raised, and would raise it again."""
    item.session._setupstate.teardown_exact(nextitem)
    info = getattr(item, "_fixtureinfo", None)
    for definition in (one for each in info.name2fixturedefs.values() for one in each) if info else ():
        if definition.cached_result and definition.cached_result[2] is not None:
            definition.finish(item._request)  # type: ignore[attr-defined]


def _forget(item: pytest.Item) -> None:
    """Let go of what the attempt had."""
    if hasattr(item, "_request"):
        item._request = False
        item.funcargs = None  # type: ignore[attr-defined]
