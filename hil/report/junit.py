"""JUnit XML: one suite per board and subject.

The document is that of Jenkins' `junit-10.xsd`, with one addition that pytest makes, too, and that readers of JUnit
know: `<properties>` inside `<testcase>`.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from junitparser import Error, Failure, Properties, Property, Skipped
from junitparser.xunit2 import JUnitXml, TestCase, TestSuite

from hil.record.case import Case, Outcome
from hil.report.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hil.record.case import ConsoleSlice, Fault
    from hil.record.run import Record


def junit(record: Record) -> bytes:
    """Return `record` as JUnit XML in UTF-8.

    Findings are `<failure>`; all that kept a test from saying anything is `<error>`, its type the kind of fault;
    an expected failure is `<skipped type="xfail">`, as pytest writes it.
    """
    document = JUnitXml(f"hil {record.board}")
    for subject in dict.fromkeys(case.subject for case in record.cases):
        cases = [case for case in record.cases if case.subject == subject]
        document.add_testsuite(_suite(record, f"{record.board}.{subject}", cases))
    if record.faults:
        document.add_testsuite(_suite(record, f"{record.board}.run", [_run_case(record)]))
    document.update_statistics()
    text: bytes = document.tostring()
    return text


def _suite(record: Record, name: str, cases: Iterable[Case]) -> TestSuite:
    suite = TestSuite(name)
    suite.hostname = record.provenance.host.get("name") or socket.gethostname()
    suite.timestamp = record.started.removesuffix("Z").partition(".")[0]
    for key, value in _suite_properties(record):
        suite.add_property(key, visible(value))
    suite.extend([_case(record, case) for case in cases])
    suite.update_statistics()
    return suite


def _suite_properties(record: Record) -> list[tuple[str, str]]:
    provenance = record.provenance
    return [
        ("run", record.id),
        ("board", record.board),
        ("board_file", provenance.board_file),
        ("firmware_hash", provenance.firmware_hash),
        ("git", provenance.git),
        *((f"version.{name}", version) for name, version in sorted(provenance.versions.items())),
    ]


def _case(record: Record, case: Case) -> TestCase:
    module = ".".join(case.path.with_suffix("").parts)
    element = TestCase(visible(case.name), visible(module), round(case.duration, 3))
    properties = Properties()
    for name, value in (
        ("board", record.board),
        ("firmware_hash", record.provenance.firmware_hash),
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


def _run_case(record: Record) -> Case:
    return Case(id=f"run::{record.id}", outcome=Outcome.ERROR, faults=record.faults)
