"""JUnit XML: one suite per board and subject; the class of a test begins with the board, so that no two are the same.

The document is that of Jenkins' `junit-10.xsd`, with one addition that pytest makes, too, and that readers of JUnit
know: `<properties>` inside `<testcase>`.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from junitparser import Error, Failure, Properties, Property, Skipped
from junitparser.xunit2 import JUnitXml, TestCase, TestSuite

from hil.record.atomic import write_atomically
from hil.record.case import Case, Outcome
from hil.record.provenance import Provenance
from hil.record.run import BoardOfRun
from hil.report.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from hil.record.case import ConsoleSlice, Fault
    from hil.record.run import Record


JUNIT_FILE = "junit.xml"


def write_junit(record: Record, directory: Path) -> None:
    """Write `record` into its directory, whole."""
    write_atomically(directory / JUNIT_FILE, junit(record))


def junit(record: Record) -> bytes:
    """Return `record` as JUnit XML in UTF-8.

    Findings are `<failure>`; all that kept a test from saying anything is `<error>`, its type the kind of fault;
    an expected failure is `<skipped type="xfail">`, as pytest writes it.
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
    return text


def _suite(record: Record, board: BoardOfRun, subject: str, cases: Iterable[Case]) -> TestSuite:
    suite = TestSuite(f"{board.name}.{subject}")
    suite.hostname = board.provenance.host.get("name") or socket.gethostname()
    suite.timestamp = record.started.removesuffix("Z").partition(".")[0]
    for key, value in _suite_properties(record, board):
        suite.add_property(key, visible(value))
    suite.extend([_case(board, case) for case in cases])
    suite.update_statistics()
    return suite


def _suite_properties(record: Record, board: BoardOfRun) -> list[tuple[str, str]]:
    provenance = board.provenance
    return [
        ("run", record.id),
        ("board", board.name),
        *([("chosen", board.why)] if board.why else []),
        ("board_file", provenance.board_file),
        ("firmware_hash", provenance.firmware_hash),
        ("git", provenance.git),
        *((f"version.{name}", version) for name, version in sorted(provenance.versions.items())),
    ]


def _case(board: BoardOfRun, case: Case) -> TestCase:
    module = ".".join((board.name, *case.path.with_suffix("").parts))
    element = TestCase(visible(case.name), visible(module), round(case.duration, 3))
    properties = Properties()
    for name, value in (
        ("board", board.name),
        *([("seat", case.seat)] if case.seat else []),
        ("firmware_hash", board.provenance.firmware_hash),
        *case.properties,
    ):
        properties.add_property(Property(name, visible(value)))
    element.append(properties)
    for fault in case.faults:
        element.append(_fault(fault))
    if case.outcome in {Outcome.SKIPPED, Outcome.XFAILED}:
        element.append(Skipped(visible(case.reason), "xfail" if case.outcome is Outcome.XFAILED else "skip"))
    if case.console:
        element.system_out = visible("\n".join(_console(piece) for piece in case.console))
    return element


def _fault(fault: Fault) -> Error | Failure:
    kind = fault.type if fault.finding else fault.kind.value
    element = (Failure if fault.finding else Error)(visible(fault.message), kind)
    where = f"in {fault.phase}" + (f", at stage {fault.stage}" if fault.stage else "")
    element.text = visible(f"{fault.type} {where}\n{fault.details}")
    return element


def _console(piece: ConsoleSlice) -> str:
    return f"--- {piece.console} ---\n{piece.text}"


def _run_case(record: Record, board: str) -> Case:
    faults = tuple(fault for fault in record.faults if fault.board == board)
    return Case(id=f"run::{record.id}", outcome=Outcome.ERROR, faults=faults, board=board)
