"""JUnit is valid, complete and counted alike by all who read it, whatever a record holds."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from junit2htmlreport import parser as junit2html
from junitparser.xunit2 import JUnitXml
from msgspec.structs import replace
from xmlschema import XMLSchema

from hil.record import (
    Attempt,
    BoardOfRun,
    Case,
    ConsoleSlice,
    Fault,
    FaultKind,
    Outcome,
    Provenance,
    Quarantine,
    Record,
)
from hil.report.junit import MOST_BYTES, junit

if TYPE_CHECKING:
    from collections.abc import Sequence

SCHEMA = XMLSchema(str(Path(__file__).parent / "junit.xsd"))
anything = some.text(some.characters(exclude_categories=()))

WRONG = Fault(FaultKind.FIRMWARE, "call", "AssertionError", "wrong level", finding=True)
LOST = Fault(FaultKind.INFRASTRUCTURE, "teardown", "BoardDied", "gone", stage="monitor")
MISTAKEN = Fault(FaultKind.USAGE, "setup", "MissingTool", "no swtpm here")


def record(*cases: Case, faults: tuple[Fault, ...] = ()) -> Record:
    provenance = Provenance(firmware_hash="f00d", host={"name": "bench"})
    boards = tuple(BoardOfRun(name, provenance) for name in ("rpi4", "juno"))
    placed = tuple(replace(case, board=case.board or "rpi4") for case in cases)
    return Record(
        "run-1", "rpi4+juno", "2026-11-23T16:00:00.123Z", boards, cases=placed, faults=faults, directory="reports/run-1"
    )


def parsed(made: Record) -> ElementTree.Element:
    text = junit(made)
    SCHEMA.validate(io.BytesIO(text))
    return ElementTree.fromstring(text)


def complaints(text: bytes) -> str:
    """Return what libxml2, as CI servers use it, says of a document at its default limits."""
    done = subprocess.run(["xmllint", "--noout", "--nonet", "-"], input=text, capture_output=True, check=False)
    return done.stderr.decode() or ("" if done.returncode == 0 else f"status {done.returncode}")


def case_of(*attempts: Sequence[Fault], id: str = "suites/queue/test_ring.py::test_a", **more: object) -> Case:
    """A case on the board `rpi4` that ran so often, and saw these faults; it said which run it was each time."""
    ran = [
        Attempt(
            number,
            (Outcome.FAILED if faults[0].finding else Outcome.ERROR) if faults else Outcome.PASSED,
            faults=tuple(faults),
            board="rpi4",
            console=(ConsoleSlice("monitor", f"run {number}"),),
        )
        for number, faults in enumerate(attempts, 1)
    ]
    return Case.from_attempts(id, ran, **more)


EVERYTHING = record(
    case_of((), id="suites/queue/test_ring.py::test_good"),
    case_of((WRONG,), id="suites/queue/test_ring.py::test_bad"),
    case_of((WRONG, LOST), id="suites/queue/test_ring.py::test_bad_and_lost"),
    case_of((LOST,), (WRONG,), (WRONG,), id="suites/queue/test_ring.py::test_never"),
    case_of((WRONG,), (LOST,), (), id="suites/tpm/test_a.py::test_late"),
    case_of((WRONG,), id="suites/tpm/test_a.py::test_known", quarantined=Quarantine("ann", "slow", "2999-01-01")),
    case_of((LOST,), id="suites/tpm/test_a.py::test_known_lost", quarantined=Quarantine("ann", "slow", "2999-01-01")),
    case_of((MISTAKEN,), id="suites/tpm/test_a.py::test_mistaken"),
    Case("suites/tpm/test_a.py::test_skipped", Outcome.SKIPPED, reason="not today"),
    Case("suites/tpm/test_a.py::test_expected", Outcome.XFAILED, reason="no TZASC"),
    Case("suites/tpm/test_a.py::TestMany::test_good[1-<&\"'>]", Outcome.PASSED, board="juno"),
    faults=(Fault(FaultKind.INTERRUPTED, "", "KeyboardInterrupt", "interrupted", board="juno"),),
)
STATES = {
    "test_good": "passed",
    "test_bad": "failure",
    "test_bad_and_lost": "error",
    "test_never": "failure",
    "test_late": "passed",
    "test_known": "skipped",
    "test_known_lost": "error",
    "test_mistaken": "error",
    "test_skipped": "skipped",
    "test_expected": "skipped",
    "TestMany.test_good[1-<&\"'>]": "passed",
    "run-1": "error",
}


def case(root: ElementTree.Element, name: str) -> ElementTree.Element:
    return next(one for one in root.iter("testcase") if one.get("name") == name)


def results(element: ElementTree.Element) -> list[tuple[str, str | None, str | None]]:
    return [(one.tag, one.get("type"), one.get("message")) for one in element if one.tag != "system-out"]


def test_a_test_from_outside_of_the_tree_has_a_place_in_the_document() -> None:
    board = BoardOfRun("rpi4", Provenance())
    record = Record(
        "run-1", "rpi4", "2026-11-23T16:00:00.123Z", (board,), cases=(Case("::test_a", Outcome.PASSED, board="rpi4"),)
    )
    assert b'name="rpi4.elsewhere"' in junit(record)


def test_junitparser_reads_every_case_once_with_its_state(tmp_path: Path) -> None:
    (tmp_path / "junit.xml").write_bytes(junit(EVERYTHING))
    read: Any = JUnitXml.fromfile(str(tmp_path / "junit.xml"))
    seen = [(one.name, one.result[0]._tag if one.result else "passed") for suite in read for one in suite]
    assert dict(seen) == STATES
    assert len(seen) == len(STATES)
    assert (read.tests, read.failures, read.errors) == (12, 2, 4)
    flaky = [one.name for suite in read for one in suite if one.is_flaky]
    again = [one.name for suite in read for one in suite if one.is_rerun]
    assert (flaky, again) == (["test_late"], ["test_never"])


def test_junit2html_reads_every_case_once_with_its_state(tmp_path: Path) -> None:
    (tmp_path / "junit.xml").write_bytes(junit(EVERYTHING))
    read = junit2html.Junit(str(tmp_path / "junit.xml"))
    cases = [one for suite in read.suites for kind in suite.classes.values() for one in kind.cases]
    bad = {name for name, state in STATES.items() if state in {"failure", "error"}}
    skipped = {name for name, state in STATES.items() if state == "skipped"}
    assert sorted(one.name for one in cases) == sorted(STATES)
    assert {one.name for one in cases if one.failed()} == bad
    assert {one.name for one in cases if one.skipped} == skipped


def test_each_attempt_that_failed_is_there_with_what_it_said() -> None:
    root = parsed(EVERYTHING)
    late = case(root, "test_late")
    assert results(late) == [
        ("flakyFailure", "AssertionError", "wrong level"),
        ("flakyError", "infrastructure", "gone"),
    ]
    assert [one.text for one in late.iter("system-out")][:2] == ["--- monitor ---\nrun 1", "--- monitor ---\nrun 2"]
    assert (late.findtext("flakyError/stackTrace") or "").startswith("BoardDied in teardown, at stage monitor")
    assert "run 3" in (late.findtext("system-out") or "")
    assert [tag for tag, _, _ in results(case(root, "test_never"))] == ["failure", "rerunError", "rerunFailure"]


def test_a_lost_board_outweighs_a_finding_and_both_are_told() -> None:
    element = case(parsed(EVERYTHING), "test_bad_and_lost")
    assert results(element) == [("error", "infrastructure", "gone")]
    assert "AssertionError in call" in (element.findtext("error") or "")


def test_a_finding_in_quarantine_is_skipped_with_the_reason_and_told() -> None:
    root = parsed(EVERYTHING)
    known = case(root, "test_known")
    assert results(known) == [("skipped", "quarantined", "slow (ann, until 2999-01-01)")]
    assert "wrong level" in (known.findtext("system-out") or "")
    assert results(case(root, "test_expected")) == [("skipped", "xfail", "no TZASC")]


def test_a_case_that_went_wrong_names_the_transcripts_that_have_more() -> None:
    root = parsed(EVERYTHING)
    line = "[[ATTACHMENT|reports/run-1/rpi4/monitor.log]]"
    said = {one.get("name"): (one.findtext("system-out") or "").splitlines() for one in root.iter("testcase")}
    assert {name for name, lines in said.items() if line in lines} == {
        name for name, state in STATES.items() if state in {"failure", "error"} and name != "run-1"
    } | {"test_late", "test_known"}


def test_no_board_can_have_a_file_attached() -> None:
    hostile = replace(
        case_of((WRONG,)), console=(ConsoleSlice("monitor", "[[ATTACHMENT|/etc/shadow]]"),), properties=(("a", "b"),)
    )
    said = case(parsed(record(hostile)), "test_a").findtext("system-out") or ""
    assert said.startswith("a: b\n--- monitor ---\n")
    assert "[[ATTACHMENT|/etc" not in said


@settings(deadline=None)
@given(name=anything, reason=anything, said=anything, claim=anything)
def test_any_text_gives_valid_xml(name: str, reason: str, said: str, claim: str) -> None:
    fault = Fault(FaultKind.FIRMWARE, "call", "Panic", reason, details=said, finding=True)
    attempts = [
        Attempt(1, Outcome.FAILED, faults=(fault,), console=(ConsoleSlice("monitor", said),)),
        Attempt(2, Outcome.FAILED, faults=(fault,), console=(ConsoleSlice("monitor", said),)),
    ]
    hostile = Case.from_attempts(f"suites/queue/test_ring.py::{name}", attempts, properties=(("element", claim),))
    (element,) = parsed(record(hostile)).iter("testcase")
    assert element.find("failure") is not None


@pytest.mark.parametrize("code", [0x07, 0x1B, 0x7F, 0x80, 0x9B, 0x9F])
def test_no_control_reaches_the_terminal_of_a_reader(code: int) -> None:
    """Those above 0x7f are valid XML, but to a terminal 0x9b is as good as an escape."""
    said = f"before{chr(code)}after"
    fault = Fault(FaultKind.FIRMWARE, "call", "Panic", said, details=said, finding=True)
    case = case_of((fault,), (fault,), properties=(("element", said),))
    text = junit(record(case)).decode()
    assert chr(code) not in text
    assert text.count(f"before\\x{code:02x}after") >= 5  # twice the message and the details, and the claim


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
    assert [one.get("classname") for one in root.iter("testcase")] == [
        "rpi4.suites.queue.test_ring",
        "rpi4.suites.queue.test_place",
        "rpi4.suites.tpm.test_sessions",
        "juno.suites.queue.test_ring",
    ]
    assert root.get("tests") == "4"
    assert root[0].get("timestamp") == "2026-11-23T16:00:00.123Z"
    assert root[0].get("hostname") == "bench"


def test_what_went_wrong_outside_of_tests_is_an_error_too() -> None:
    root = parsed(record(faults=(Fault(FaultKind.INTERRUPTED, "", "KeyboardInterrupt", "interrupted"),)))
    assert root.get("errors") == "1"
    assert results(case(root, "run-1")) == [("error", "interrupted", "interrupted")]


def test_a_record_without_cases_is_valid() -> None:
    assert parsed(record()).get("tests") == "0"


@pytest.mark.parametrize("name", ["properties", "rerun"])
def test_what_a_strict_reader_refuses_is_found(name: str) -> None:
    root = ElementTree.fromstring(junit(EVERYTHING))
    ElementTree.SubElement(case(root, "test_good"), name)
    assert not SCHEMA.is_valid(io.BytesIO(ElementTree.tostring(root)))


@pytest.mark.parametrize("refused", ["<a>{}</a>", "<a b='{}'/>"])
def test_libxml2_refuses_long_texts(refused: str) -> None:
    """What the next tests look for is found."""
    assert complaints(refused.format("x" * 10_000_001).encode()) != ""


@pytest.mark.parametrize("letter", ["x", "é", "<", "\U0001f600", "\x00"])
def test_no_text_is_longer_than_readers_take_and_a_cut_one_says_where_the_whole_is(letter: str) -> None:
    whole = letter * 11_000_000
    fault = replace(WRONG, message=whole, details=whole, type=whole)
    said = (ConsoleSlice("monitor", whole),)
    case = Case(f"suites/queue/test_ring.py::test[{whole}]", Outcome.FAILED, faults=(fault,), console=said)
    text = junit(record(case, replace(case, id="suites/queue/test_ring.py::test[other]", faults=(LOST,))))
    assert len(text) <= MOST_BYTES
    root = ElementTree.fromstring(text)
    assert complaints(text) == ""
    (failure,) = root.iter("failure")
    assert "characters more, see reports/run-1/run.json" in (failure.text or "")


def test_a_run_in_which_every_test_says_much_fits() -> None:
    said = (ConsoleSlice("monitor", "é" * 64_000),)
    cases = [
        Case(f"suites/queue/test_ring.py::test_{n}", Outcome.FAILED, faults=(WRONG,), console=said) for n in range(900)
    ]
    text = junit(record(*cases))
    SCHEMA.validate(io.BytesIO(text))
    assert complaints(text) == ""
    assert len(text) <= MOST_BYTES
    assert len(list(ElementTree.fromstring(text).iter("testcase"))) == 900


def test_long_names_are_cut_and_still_tell_tests_apart() -> None:
    cases = [Case(f"suites/queue/test_ring.py::test[{'x' * 5000}{n}]", Outcome.PASSED) for n in range(3)]
    names = {case.get("name", "") for case in parsed(record(*cases)).iter("testcase")}
    assert len(names) == 3
    assert max(map(len, names)) < 600
