"""Runs a test that did not pass again, on a restarted board, and reports every attempt."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest

# pytest has no public way to run one test several times with reports of its own for each attempt, and the plugins that
# do so lose or duplicate cases in JUnit. pyproject.toml bounds the version; `make test-next` tries the next one.
from _pytest.runner import CallInfo, call_and_report, get_reraise_exceptions

from hil.errors import UsageError
from hil.record import FaultKind
from hil.record.case import BLOCKED
from hil.session.plugin.environment import environments
from hil.session.plugin.placeholder import Placeholder
from hil.session.plugin.quarantine import repeats
from hil.session.plugin.session import SESSION
from hil.session.plugin.terminal import RETRIED
from hil.session.retries import EXAMPLE, Retries

if TYPE_CHECKING:
    from hil.session.plugin.progress import CaseProgress
    from hil.session.plugin.session import BoardSession

NOT_RETRIED = {FaultKind.USAGE, FaultKind.INTERRUPTED}
"""Faults that another attempt would only repeat."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add our options."""
    group = parser.getgroup("hil")
    group.addoption(
        "--retry",
        metavar=EXAMPLE,
        type=_retries,
        default=Retries(),
        help="run a test again, up to so often after a fault of board or lab, up to so often after any other failure",
    )
    group.addoption("--fail-on-flaky", action="store_true", help="return 1 if a test passed only at a later attempt")


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Replace pytest's own protocol if any test may run more than once."""
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
    """Runs the protocol of a test, in place of pytest, once per attempt.

    Every attempt has fixtures of its own, except for those of the session: these stay, unless they failed. pytest has
    no such notion, so an attempt ends with a teardown whose next test is a placeholder, and the item is reset by hand.
    Reports are held back until it is known whether the test runs again: of an attempt that is repeated, other plugins
    see one report with the outcome `RETRIED`, so that neither -x nor their counts take it for a failure.
    """

    def __init__(self, session: BoardSession, retries: Retries, times: int) -> None:
        self._session = session
        self._retries = retries
        self._times = times

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        """Run a test until it passes or has no retries left; with `--verify-quarantine`, a fixed number of times."""
        placeholder = Placeholder.from_session(item.session)
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        left = self._retries
        while True:
            reports = self._attempt(item, nextitem or placeholder)
            remaining = self._after_retry(left)
            again = remaining is not None and not (item.session.shouldstop or item.session.shouldfail)
            if again:
                reports.append(_end_fixtures(item, placeholder))  # those that the next test would have shared
                again = self._session.renew(environments(item.config))
            if not again and nextitem is None:  # the teardown of the last test kept the session's fixtures for a retry
                reports.append(_end_fixtures(item, None))
            _forget(item)
            if not (again and remaining):
                break
            left = remaining
            self._report_retry(item, reports)
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

    def _after_retry(self, left: Retries) -> Retries | None:
        """Return the retries left after one more attempt, None if there is to be none."""
        progress = self._session.recorder.current
        if progress is None:
            return None
        if self._times:
            return left if len(progress.attempts) + 1 < self._times else None
        return _use_retry(left, progress)

    def _report_retry(self, item: pytest.Item, reports: list[pytest.TestReport]) -> None:
        self._session.recorder.end_attempt()
        report = next((report for report in reports if report.failed), reports[0])
        report.outcome = RETRIED  # type: ignore[assignment]
        item.ihook.pytest_runtest_logreport(report=report)


def _use_retry(left: Retries, progress: CaseProgress) -> Retries | None:
    """Return the retries left after one more attempt, None if the test passed or may not run again."""
    attempt = progress.now
    kinds = {fault.kind for fault in attempt.faults}
    if not kinds or kinds & NOT_RETRIED or attempt.reason == BLOCKED:
        return None
    if FaultKind.INFRASTRUCTURE in kinds:
        return replace(left, infra=left.infra - 1) if left.infra else None
    return replace(left, flaky=left.flaky - 1) if left.flaky and not progress.quarantined else None


def _end_fixtures(item: pytest.Item, nextitem: pytest.Item | None) -> pytest.TestReport:
    """End the fixtures that `nextitem` does not share, outside of the hook that other plugins see once per test."""
    call = CallInfo.from_call(
        partial(_end, item, nextitem), when="teardown", reraise=get_reraise_exceptions(item.config)
    )
    report: pytest.TestReport = item.ihook.pytest_runtest_makereport(item=item, call=call)
    return report


def _end(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """End fixtures, also those that failed: pytest keeps their exception, and would raise it in every further test."""
    item.session._setupstate.teardown_exact(nextitem)
    info = getattr(item, "_fixtureinfo", None)
    for definition in (found for same_name in info.name2fixturedefs.values() for found in same_name) if info else ():
        if definition.cached_result and definition.cached_result[2] is not None:
            definition.finish(item._request)  # type: ignore[attr-defined]


def _forget(item: pytest.Item) -> None:
    """Drop the fixture values of an attempt, as pytest's own protocol does at its end."""
    if hasattr(item, "_request"):
        item._request = False
        item.funcargs = None  # type: ignore[attr-defined]
