"""Watches the tests: classifies what goes wrong, writes the record, and turns the worst of it into the exit code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil.errors import ExitCode, RecordFailed
from hil.record import Case, Fault, FaultKind, Outcome
from hil.record.case import BLOCKED, EXCUSABLE
from hil.record.run import MAKE_SPACE
from hil.record.verdict import worst
from hil.report import write_reports
from hil.session.plugin import quarantine, words
from hil.session.plugin.classify import BlockedError, classify
from hil.session.plugin.environment import environment
from hil.session.plugin.progress import AttemptProgress, Progress
from hil.session.plugin.unfit import Unfit
from hil.target.crash import of_images

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from hil.record import Record, RunWriter, Step
    from hil.session.plugin.consoles import Consoles
    from hil.target.crash import Elf


class Recorder:
    """Follows one pytest session. Without a board there is no run directory, and only verdict and exit code remain."""

    def __init__(self, run: RunWriter | None, consoles: Consoles, stage: Callable[[], str]) -> None:
        self.run = run
        self._consoles = consoles
        self._stage = stage
        self.record: Record | None = None
        self.unwritten: RecordFailed | None = None
        self._current: Progress | None = None
        self._cases: list[Case] = []
        self._faults: list[Fault] = []
        self._interrupted = False
        self._images: tuple[Elf, ...] = ()

    @property
    def faults(self) -> list[Fault]:
        """Everything that went wrong so far and counts, in tests and outside of them."""
        return [*self._faults, *(fault for case in self._cases for fault in case.deciding)]

    @property
    def current(self) -> Progress | None:
        """The test that runs."""
        return self._current

    def end_attempt(self) -> None:
        """Note that the test that runs did not pass and begins once more."""
        assert self._current
        attempt = self._current.end_attempt(self._consoles.since(self._current.now.mark))
        self._current.now = AttemptProgress(self._consoles.mark())
        if self.run:
            self.run.retry(self._current.id, attempt)

    def add_fault(self, fault: Fault) -> None:
        """Take something that went wrong outside of every test."""
        self._faults.append(fault)
        if self.run:
            self.run.add_fault(fault)

    def add_step(self, step: Step) -> None:
        """Note what the framework did for the test that runs, if one does."""
        if self._current:
            self._current.steps.append(step)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A module that cannot be collected is the user's to mend."""
        if report.failed:
            lines = report.longreprtext.strip().splitlines()
            message = lines[-1].removeprefix("E").strip() if lines else "cannot be collected"
            fault = Fault(FaultKind.USAGE, "collect", "CollectError", message, report.longreprtext)
            self._add(Case(id=report.nodeid, outcome=Outcome.ERROR, faults=(fault,)))

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Say what is meant to run, and note by which build a crash is to be explained."""
        env = environment(session.config)
        if env:
            self._images = of_images(map(Path, env.config.get_images().values()))
        if self.run:
            self.run.plan(item.nodeid for item in session.items)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Open the record of a test, and close it when all of its reports are in."""
        quarantined = item.stash.get(quarantine.QUARANTINED, None)
        self._current = Progress(item.nodeid, _properties(item), quarantined, AttemptProgress(self._consoles.mark()))
        if self.run:
            self.run.begin(item.nodeid)
        result = yield
        self._current.properties += tuple((name, str(value)) for name, value in item.user_properties)
        self._add(self._closed(self._current))
        self._current = None
        if self.run and (failed := self.run.failed or self._consoles.failed):
            self.add_fault(classify(RecordFailed(failed, hint=MAKE_SPACE), ""))
            item.session.shouldstop = failed
        return result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Find out whose fault a failed phase was. A fault of lab or user is never an expected failure."""
        report = yield
        fault = self._fault(call, report)
        if fault and fault.kind in {FaultKind.INFRASTRUCTURE, FaultKind.USAGE}:
            report.outcome = "failed"
            vars(report).pop("wasxfail", None)
        if not report.failed:
            fault = None
        if fault and not fault.finding:
            words.say(report, BLOCKED if _blocked(call) else fault.kind.value)
        if self._current and self._current.id == item.nodeid:
            attempt = self._current.now
            attempt.phase(report, fault, stage=self._stage())
            if call.excinfo and isinstance(call.excinfo.value, Unfit):
                attempt.unfit = True
                words.say(report, words.UNFIT)
            if _blocked(call):
                attempt.reason = BLOCKED
            self._excuse(report, fault)
        return report

    def _excuse(self, report: pytest.TestReport, fault: Fault | None) -> None:
        """Have pytest count for itself what the record counts for itself: flaky tests, and those in quarantine."""
        assert self._current
        if self._current.quarantined and (fault is None or fault.kind in EXCUSABLE):
            words.say(report, words.QUARANTINED)
            if fault:
                report.outcome = "skipped"
                report.wasxfail = self._current.quarantined.reason
        elif any(attempt.faults for attempt in self._current.attempts):
            words.say(report, words.FLAKY)

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Tell a person's Ctrl-C from an end that somebody gave a reason for."""
        if isinstance(excinfo.value, pytest.exit.Exception):
            self.add_fault(Fault(FaultKind.USAGE, "", "Exit", excinfo.value.msg))
        elif not isinstance(excinfo.value, pytest.Session.Interrupted):
            self._interrupted = True

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(
        self, session: pytest.Session, exitstatus: int | pytest.ExitCode
    ) -> Generator[None, None, None]:
        """Close the record after the last teardown, whatever that did, and set the exit code."""
        try:
            yield
        except Exception as error:
            self.add_fault(classify(error, "teardown", stage=self._stage()))
            raise
        finally:
            self._close_open_case()
            if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and quarantine.repeats(session.config):
                exitstatus = pytest.ExitCode.OK  # nothing is in quarantine
            told = any(attempt.faults for case in self._cases for attempt in case.attempts)
            session.exitstatus = code = exit_code(exitstatus, self.faults, told=told)
            if self.run:
                self.record = self.run.finish(code, interrupted=self._interrupted)
                if self.record:
                    session.exitstatus = self._concluded(self.run, self.record)

    def _concluded(self, run: RunWriter, record: Record) -> int:
        """Write the reports of a run whose record is complete; returns its exit code."""
        try:
            if run.failed:
                raise RecordFailed(run.failed, hint=MAKE_SPACE)
            write_reports(record, run.path)
        except RecordFailed as error:
            self.unwritten = error
            return ExitCode.INFRASTRUCTURE
        return record.exit_code or ExitCode.PASSED

    def _fault(self, call: pytest.CallInfo[None], report: pytest.TestReport) -> Fault | None:
        error = call.excinfo.value if call.excinfo else None
        if isinstance(error, (pytest.skip.Exception, pytest.xfail.Exception)):
            return None
        if error:
            return classify(
                error,
                report.when or "",
                stage=self._stage(),
                console=self._consoles.last_line(),
                details=report.longreprtext,
                images=self._images,
            )
        if report.failed:
            return Fault(FaultKind.TEST, "call", "XPASS", report.longreprtext, finding=True)
        return None

    def _close_open_case(self) -> None:
        if self._current:
            self._current.now.faults.append(
                Fault(FaultKind.INTERRUPTED, "call", "KeyboardInterrupt", "the run was interrupted in this test")
            )
            self._add(self._closed(self._current))
            self._current = None
        elif self._interrupted:
            self.add_fault(Fault(FaultKind.INTERRUPTED, "", "KeyboardInterrupt", "the run was interrupted"))

    def _closed(self, progress: Progress) -> Case:
        progress.end_attempt(self._consoles.since(progress.now.mark))
        return progress.case()

    def _add(self, case: Case) -> None:
        self._cases.append(case)
        if self.run:
            self.run.add(case)


def exit_code(exitstatus: int, faults: Sequence[Fault], *, told: bool = False) -> ExitCode:
    """Return our exit code for a session that pytest would end with `exitstatus` and in which `faults` were seen.

    `told`: what pytest saw fail is known, even if it does not count, such as part of a test that passed late.
    """
    match exitstatus:
        case pytest.ExitCode.OK:
            floor = ExitCode.PASSED
        case pytest.ExitCode.TESTS_FAILED:
            floor = ExitCode.PASSED if told or faults else ExitCode.FINDINGS
        case pytest.ExitCode.INTERNAL_ERROR:
            floor = ExitCode.INFRASTRUCTURE
        case _:
            floor = ExitCode.USAGE
    return max(floor, worst(faults))


def _blocked(call: pytest.CallInfo[None]) -> bool:
    return call.excinfo is not None and isinstance(call.excinfo.value, BlockedError)


def _properties(item: pytest.Item) -> tuple[tuple[str, str], ...]:
    """The claims that a test makes with its markers, for those who trace requirements to results."""
    return tuple(
        (name, str(mark.args[0])) for name in ("element", "threat") for mark in item.iter_markers(name) if mark.args
    )
