"""JUnit is valid XML and complete, whatever a record holds."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as some

from hil.record import BoardOfRun, Case, ConsoleSlice, Fault, FaultKind, Outcome, Provenance, Record
from hil.report.junit import junit

anything = some.text(some.characters(exclude_categories=()))


def record(*cases: Case, faults: tuple[Fault, ...] = ()) -> Record:
    provenance = Provenance(firmware_hash="f00d", host={"name": "bench"})
    boards = tuple(BoardOfRun(name, provenance) for name in ("rpi4", "juno"))
    placed = tuple(replace(case, board=case.board or "rpi4") for case in cases)
    return Record("run-1", "rpi4+juno", "2026-11-23T16:00:00.123Z", boards, cases=placed, faults=faults)


def parsed(made: Record) -> ElementTree.Element:
    return ElementTree.fromstring(junit(made))


@given(name=anything, reason=anything, said=anything, claim=anything)
def test_any_text_gives_valid_xml(name: str, reason: str, said: str, claim: str) -> None:
    fault = Fault(FaultKind.FIRMWARE, "call", "Panic", reason, details=said, finding=True)
    case = Case(
        f"suites/queue/test_ring.py::{name}",
        Outcome.FAILED,
        reason=reason,
        faults=(fault,),
        properties=(("element", claim),),
        console=(ConsoleSlice("monitor", said),),
    )
    (element,) = parsed(record(case)).iter("testcase")
    assert element.find("failure") is not None


def test_there_is_one_suite_per_board_and_subject() -> None:
    root = parsed(
        record(
            Case("suites/queue/test_ring.py::test_a", Outcome.PASSED, board="rpi4"),
            Case("suites/queue/test_ring.py::test_a", Outcome.PASSED, board="juno"),
            Case("suites/tpm/test_sessions.py::test_a", Outcome.PASSED, board="rpi4"),
            Case("suites/queue/test_place.py::test_a[1-x]", Outcome.PASSED, board="rpi4"),
        )
    )
    assert [suite.get("name") for suite in root] == ["rpi4.queue", "rpi4.tpm", "juno.queue"]
    assert [case.get("classname") for case in root.iter("testcase")] == [
        "rpi4.suites.queue.test_ring",
        "rpi4.suites.queue.test_place",
        "rpi4.suites.tpm.test_sessions",
        "juno.suites.queue.test_ring",
    ]
    assert root.get("tests") == "4"
    assert root[0].get("timestamp") == "2026-11-23T16:00:00"
    assert root[0].get("hostname") == "bench"


def test_every_fault_of_a_test_is_there() -> None:
    faults = (
        Fault(FaultKind.FIRMWARE, "call", "AssertionError", "wrong level", finding=True),
        Fault(FaultKind.INFRASTRUCTURE, "teardown", "BoardDied", "gone", stage="monitor"),
    )
    (case,) = parsed(record(Case("suites/a.py::test", Outcome.FAILED, faults=faults))).iter("testcase")
    failure, error = case.find("failure"), case.find("error")
    assert failure is not None
    assert (failure.get("type"), failure.get("message")) == ("AssertionError", "wrong level")
    assert error is not None
    assert (error.get("type"), error.get("message")) == ("infrastructure", "gone")
    assert (error.text or "").startswith("BoardDied in teardown, at stage monitor")


def test_what_went_wrong_outside_of_tests_is_an_error_too() -> None:
    root = parsed(record(faults=(Fault(FaultKind.INTERRUPTED, "", "KeyboardInterrupt", "interrupted"),)))
    assert root.get("errors") == "1"
    (case,) = root.iter("testcase")
    assert case.get("name") == "run-1"
