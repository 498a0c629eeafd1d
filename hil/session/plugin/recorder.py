"""Records a session: classifies what goes wrong, writes the record, and derives the exit code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from hil.errors import ExitCode, RecordFailed
from hil.record import Case, Fault, FaultKind, Outcome
from hil.record.case import BLOCKED, EXCUSABLE
from hil.record.requirements import KINDS
from hil.record.run import MAKE_SPACE
from hil.record.verdict import worst
from hil.report import write_reports
from hil.session.plugin import account, quarantine, terminal
from hil.session.plugin.classify import BlockedError, classify
from hil.session.plugin.defaultboard import lacks_board
from hil.session.plugin.environment import environments
from hil.session.plugin.frames import hide_framework
from hil.session.plugin.markers import OWNER
from hil.session.plugin.progress import AttemptProgress, CaseProgress, captured, give_reason
from hil.session.plugin.unsupported import Unsupported
from hil.target.crash import find_elfs

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from hil.account import Action
    from hil.record import Record, RunWriter, Step
    from hil.session.plugin.attachments import Data, Keeper
    from hil.session.plugin.consoles import Consoles
    from hil.target.crash import Elf


_OF_PYTEST = frozenset({"parametrize", "usefixtures", "filterwarnings", "skip", "skipif", "xfail"})
"""Markers that tell pytest how to run a test, and readers nothing about it."""


class Recorder:
    """Follows one pytest session. Without a board there is no run directory, only the exit code.

    The order of its hooks matters. It is the outermost wrapper of a test's protocol, so that it sees every attempt that
    the repeater makes. It is the outermost wrapper of a report, so that no other plugin turns a lost board into an
    expected failure afterwards. It is the innermost wrapper at the end of the session, so that the record is closed
    before other plugins read it, but after the last teardown.
    """

    def __init__(
        self,
        run: RunWriter | None,
        consoles: Consoles,
        stage: Callable[[], str],
        behind: Callable[[BaseException], str],
    ) -> None:
        self.run = run
        self._consoles = consoles
        self._stage = stage
        self._behind = behind
        self.record: Record | None = None
        self.unwritten: RecordFailed | None = None
        self._current: CaseProgress | None = None
        self._cases: list[Case] = []
        self._faults: list[Fault] = []
        self._interrupted = False
        self._images: tuple[Elf, ...] = ()

    @property
    def faults(self) -> list[Fault]:
        """The faults so far that count for the exit code, in tests and outside of them."""
        return [*self._faults, *(fault for case in self._cases for fault in case.deciding)]

    @property
    def current(self) -> CaseProgress | None:
        """The running test, None between tests."""
        return self._current

    def add_action(self, action: Action) -> None:
        """Add something that was done on the board to the account of the running test, if there is one."""
        if self._current:
            self._current.now.account.add(action)

    def keep(self, keeper: Keeper, name: str, data: Data) -> Path | None:
        """Keep an attachment of the running test; between tests there is none that it would belong to."""
        return keeper.keep(self._current, name, data) if self._current else None

    def end_attempt(self) -> None:
        """Close the attempt of the running test, which did not pass, and begin another one."""
        assert self._current
        attempt = self._current.end_attempt(self._consoles.since(self._current.now.mark))
        self._current.now = AttemptProgress(self._consoles.mark())
        if self.run:
            self.run.retry(self._current.id, attempt)

    def add_fault(self, fault: Fault) -> None:
        """Record a fault outside of every test."""
        self._faults.append(fault)
        if self.run:
            self.run.add_fault(fault)

    def add_step(self, step: Step) -> None:
        """Add a step of the framework to the running test, if there is one."""
        if self._current:
            self._current.steps.append(step)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Record a module that cannot be collected as a usage fault: the user has to fix it."""
        if report.failed:
            lines = report.longreprtext.strip().splitlines()
            message = lines[-1].removeprefix("E").strip() if lines else "cannot be collected"
            fault = Fault(FaultKind.USAGE, "collect", "CollectError", message, report.longreprtext)
            self._add(Case(id=report.nodeid, outcome=Outcome.ERROR, faults=(fault,)))

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Record the tests that are to run, and load the ELF files by which a crash is explained."""
        images = (path for env in environments(session.config) for path in env.config.get_images().values())
        self._images = find_elfs(map(Path, images))
        if self.run:
            self.run.plan(item.nodeid for item in session.items)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Open the case of a test, close it after its last report, and stop if the record cannot be written."""
        quarantined = item.stash.get(quarantine.QUARANTINED, None)
        self._current = CaseProgress(
            item.nodeid, _properties(item), quarantined, AttemptProgress(self._consoles.mark())
        )
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
        """Classify a failed phase. A fault of the lab or the user never counts as an expected failure."""
        hide_framework(call)
        report = yield
        give_reason(report)
        if call.excinfo and (lacking := lacks_board(call.excinfo.value)):
            report.outcome, report.longrepr = "failed", str(lacking)
            fault: Fault | None = classify(lacking, report.when or "", details=str(lacking))
        else:
            fault = self._fault(call, report)
        if fault and fault.kind in {FaultKind.INFRASTRUCTURE, FaultKind.USAGE}:
            report.outcome = "failed"
            vars(report).pop("wasxfail", None)
        if not report.failed:
            fault = None
        if fault and not fault.finding:
            terminal.set_category(report, BLOCKED if _blocked(call) else fault.kind.value)
        if self._current and self._current.id == item.nodeid:
            attempt = self._current.now
            attempt.phase(report, fault, stage=self._stage())
            if call.excinfo and isinstance(call.excinfo.value, Unsupported):
                attempt.unsupported = True
                terminal.set_category(report, terminal.UNSUPPORTED)
            if _blocked(call):
                attempt.reason = BLOCKED
            attempt.output = captured(report)
            if fault:
                account.show(report, attempt, self._consoles.since(attempt.mark))
            self._excuse(report, fault)
        return report

    def _excuse(self, report: pytest.TestReport, fault: Fault | None) -> None:
        """Make pytest count flaky tests and those in quarantine apart, as the record does."""
        assert self._current
        if self._current.quarantined and (fault is None or fault.kind in EXCUSABLE):
            terminal.set_category(report, terminal.QUARANTINED)
            if fault:
                report.outcome = "skipped"
                report.wasxfail = self._current.quarantined.reason
        elif any(attempt.faults for attempt in self._current.attempts):
            terminal.set_category(report, terminal.FLAKY)

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Tell Ctrl-C from `pytest.exit`, which has a reason, and from a stop by another plugin.

        pytest calls this hook for all three.
        """
        if isinstance(excinfo.value, pytest.exit.Exception):
            self.add_fault(Fault(FaultKind.USAGE, "", "Exit", excinfo.value.msg))
        elif not isinstance(excinfo.value, pytest.Session.Interrupted):
            self._interrupted = True

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(
        self, session: pytest.Session, exitstatus: int | pytest.ExitCode
    ) -> Generator[None, None, None]:
        """Close the record after the last teardown, even if that failed, and set the exit code."""
        try:
            yield
        except Exception as error:
            self._add_fault_at_the_end(classify(error, "teardown", stage=self._stage()))
            if not self._interrupted:
                raise
        finally:
            self._close_open_case()
            may_be_empty = quarantine.nothing_to_verify(session.config)
            if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and may_be_empty:
                exitstatus = pytest.ExitCode.OK
            explained = any(attempt.faults for case in self._cases for attempt in case.attempts)
            session.exitstatus = code = exit_code(exitstatus, self.faults, explained=explained)
            if self.run:
                self.record = self.run.finish(code, interrupted=self._interrupted, may_be_empty=may_be_empty)
                if self.record:
                    session.exitstatus = self._write_reports(self.run, self.record)

    def _add_fault_at_the_end(self, fault: Fault) -> None:
        """Record a fault of the last teardown. After an interruption it says nothing about the firmware."""
        if self._interrupted and fault.kind.exit_code is ExitCode.FINDINGS:
            fault = replace(fault, kind=FaultKind.INTERRUPTED, finding=False)
        self.add_fault(fault)

    def _write_reports(self, run: RunWriter, record: Record) -> int:
        """Write the reports of a run whose record is closed; returns its exit code."""
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
            fault = classify(
                error,
                report.when or "",
                stage=self._stage(),
                console=self._consoles.last_line(),
                details=report.longreprtext,
                images=self._images,
            )
            board = self._behind(error)
            return replace(fault, message=f"{board}: {fault.message}") if board else fault
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

    def _closed(self, progress: CaseProgress) -> Case:
        progress.end_attempt(self._consoles.since(progress.now.mark))
        return progress.case()

    def _add(self, case: Case) -> None:
        self._cases.append(case)
        if self.run:
            self.run.add(case)


def exit_code(exitstatus: int, faults: Sequence[Fault], *, explained: bool = False) -> ExitCode:
    """Return our exit code for a session that pytest would end with `exitstatus` and in which `faults` were seen.

    With `explained`, some attempt in the record failed, so a failure that pytest counted is known even if it does not
    count, such as a part of a test that passed late.
    """
    match exitstatus:
        case pytest.ExitCode.OK:
            floor = ExitCode.PASSED
        case pytest.ExitCode.TESTS_FAILED:
            floor = ExitCode.PASSED if explained or faults else ExitCode.FINDINGS
        case pytest.ExitCode.INTERNAL_ERROR:
            floor = ExitCode.INFRASTRUCTURE
        case _:
            floor = ExitCode.USAGE
    return max(floor, worst(faults))


def _blocked(call: pytest.CallInfo[None]) -> bool:
    return call.excinfo is not None and isinstance(call.excinfo.value, BlockedError)


def _properties(item: pytest.Item) -> tuple[tuple[str, str], ...]:
    """Return the claims that a test makes by its markers, by which requirements are traced, and its other markers."""
    told = (*KINDS, OWNER)
    claims = [(name, str(argument)) for name in told for mark in item.iter_markers(name) for argument in mark.args]
    others = {mark.name for mark in item.iter_markers()} - _OF_PYTEST - {*told}
    return (*claims, *(("marker", name) for name in sorted(others)))
