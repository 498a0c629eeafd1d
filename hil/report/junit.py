"""JUnit XML: one suite per board and subject; the class of a test begins with the board, so that no two are the same.

The document is valid by Jenkins' `junit-10.xsd`, which knows no properties of a case: these are the first lines of its
`<system-out>`. Each case has one result at most, so that nobody counts it twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from junitparser import Error, Failure, Skipped
from junitparser.xunit2 import FlakyError, FlakyFailure, JUnitXml, RerunError, RerunFailure, TestCase, TestSuite

from hil.files import write_atomically
from hil.record.case import Case, FaultKind, Outcome
from hil.record.provenance import Provenance
from hil.record.record import BoardOfRun
from hil.report.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from junitparser.xunit2 import InterimResult

    from hil.record.case import Attempt, ConsoleSlice, Fault
    from hil.record.record import Record


JUNIT_FILE = "junit.xml"

LEVELS = {
    "monitor": "EL3 (service), EL2 (monitor), EL1 (agents)",
    "linux": "EL3 (service), EL2 (KVM), EL1 (Linux)",
}
"""What runs at which exception level, by the state in which a board's boot ends."""
MACHINES = {"emulator": "QEMU", "board": "hardware"}
KERNEL = "linux-image-"
"""How the package begins whose kernel a board boots."""
_ATTACHMENT = "[[ATTACHMENT|"


def write_junit(record: Record, directory: Path) -> None:
    """Write `record` into its directory, whole."""
    write_atomically(directory / JUNIT_FILE, junit(record))


def junit(record: Record) -> bytes:
    """Return `record` as JUnit XML in UTF-8.

    Findings are `<failure>`; all that kept a test from saying anything is `<error>`, its type the kind of fault. What
    an earlier attempt saw is `<flakyFailure>` or `<flakyError>` when the test passed in the end, otherwise
    `<rerunFailure>` or `<rerunError>`. An expected failure is `<skipped type="xfail">`, what the board lacks
    something for `type="unfit"`, a test in quarantine, however it ended, `type="quarantined"`.
    """
    document = JUnitXml(f"hil {record.name}")
    for board, subject, cases in record.suites():
        document.add_testsuite(_suite(record, board, subject, cases))
    boards = {board.name: board for board in record.boards}
    for name in dict.fromkeys(fault.board for fault in record.faults):
        board = boards.get(name) or BoardOfRun(name, Provenance())  # or all of them
        document.add_testsuite(_suite(record, board, "run", [_run_case(record, name)]))
    document.update_statistics()
    text: bytes = document.tostring()
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + text


def _suite(record: Record, board: BoardOfRun, subject: str, cases: Sequence[Case]) -> TestSuite:
    suite = TestSuite(f"{board.name}.{subject}")
    suite.hostname = board.provenance.host.get("name", "unknown")
    suite.timestamp = record.started.removesuffix("Z").partition(".")[0]
    for key, value in _suite_properties(record, board, cases):
        suite.add_property(key, visible(value))
    suite.extend([_case(record, board, case) for case in cases])
    suite.update_statistics()
    return suite


def _suite_properties(record: Record, board: BoardOfRun, cases: Iterable[Case]) -> list[tuple[str, str]]:
    provenance = board.provenance
    inventory = provenance.inventory
    inputs: dict[str, str] = provenance.firmware.get("inputs", {})
    told = [
        ("run", record.id),
        ("board", board.name),
        ("place", ", ".join(sorted({value for case in cases for name, value in case.properties if name == "place"}))),
        ("chosen", board.why),
        ("board_file", provenance.board_file),
        ("machine", MACHINES.get(inventory.kind, inventory.kind)),
        ("exception_level", LEVELS.get(inventory.boots_into, "")),
        ("kernel", ", ".join(f"{name} {version}" for name, version in inputs.items() if name.startswith(KERNEL))),
        ("firmware_hash", provenance.firmware_hash),
        ("git", provenance.git),
        *((f"version.{name}", version) for name, version in sorted(provenance.versions.items())),
    ]
    return [(name, value) for name, value in told if value]


def _case(record: Record, board: BoardOfRun, case: Case) -> TestCase:
    module = ".".join((board.name, *case.path.with_suffix("").parts))
    element = TestCase(visible(case.name), visible(module), round(case.duration, 3))
    for result in _results(case):
        element.append(result)
    if said := _system_out(record, case):
        element.system_out = said
    return element


def _results(case: Case) -> Iterable[Error | Failure | Skipped | InterimResult]:
    """Yield what became of a case: its own result, unless it passed, and those of earlier attempts."""
    if case.quarantined and not case.deciding:
        why = case.quarantined
        yield Skipped(visible(f"{why.reason} ({why.owner}, until {why.expires})"), "quarantined")
        return
    if case.faults:
        yield _result(case.faults)
    if case.outcome in {Outcome.SKIPPED, Outcome.XFAILED}:
        kind = "xfail" if case.outcome is Outcome.XFAILED else "unfit" if case.unfit else "skip"
        yield Skipped(visible(case.reason) or "no reason", kind)
    for attempt in case.attempts[:-1]:
        if attempt.faults:
            yield _earlier(attempt, flaky=case.outcome is Outcome.FLAKY)


def _result(faults: Sequence[Fault]) -> Error | Failure:
    worst = _worst(faults)
    element = (Failure if worst.finding else Error)(visible(worst.message or worst.type), _type(worst))
    element.text = _details(faults)
    return element


def _earlier(attempt: Attempt, *, flaky: bool) -> InterimResult:
    worst = _worst(attempt.faults)
    kinds = (FlakyFailure, FlakyError) if flaky else (RerunFailure, RerunError)
    element = kinds[not worst.finding](visible(worst.message or worst.type), _type(worst))
    element.stack_trace = _details(attempt.faults)
    if attempt.console:
        element.system_out = visible(_consoles(attempt.console))
    return element


def _worst(faults: Sequence[Fault]) -> Fault:
    """The fault that a case counts for: a lost board outweighs what the test saw, a finding what else went wrong."""
    return max(faults, key=lambda fault: (fault.kind is FaultKind.INFRASTRUCTURE, fault.finding))


def _type(fault: Fault) -> str:
    return fault.type if fault.finding else fault.kind.value


def _details(faults: Iterable[Fault]) -> str:
    texts = []
    for fault in faults:
        where = f"in {fault.phase}" + (f", at stage {fault.stage}" if fault.stage else "")
        told = [f"{fault.type} {where}", *([str(fault.crash)] if fault.crash else []), fault.details or fault.message]
        if fault.hint:
            told.append(f"try: {fault.hint}")
        texts.append(visible("\n".join(told)))
    return "\n".join(texts)


def _system_out(record: Record, case: Case) -> str:
    """What there is to be said of a case: its properties, its consoles, and which files have more, if it went wrong."""
    seat = [("seat", case.seat)] if case.seat else []
    lines = [f"{name}: {value}" for name, value in (*seat, *case.properties)]
    if case.quarantined and case.faults:
        lines.append(_details(case.faults))
    if case.console:
        lines.append(_consoles(case.console))
    text = visible("\n".join(lines)).replace(_ATTACHMENT, "[ [ATTACHMENT|")  # no board says what is attached
    troubled = [attempt for attempt in case.attempts if attempt.faults]
    logs = dict.fromkeys(
        f"{attempt.seat or attempt.board}/{piece.console}.log" for attempt in troubled for piece in attempt.console
    )
    attached = [f"{_ATTACHMENT}{record.directory}/{log}]]" for log in logs if record.directory]
    return "\n".join([*([text] if text else []), *attached])


def _consoles(pieces: Iterable[ConsoleSlice]) -> str:
    return "\n".join(f"--- {piece.console} ---\n{piece.text}" for piece in pieces)


def _run_case(record: Record, board: str) -> Case:
    faults = tuple(fault for fault in record.faults if fault.board == board)
    return Case(id=f"run::{record.id}", outcome=Outcome.ERROR, faults=faults, board=board)
