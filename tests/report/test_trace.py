"""Requirements against boards: what shows them, what does not, and that nobody can mistake the one for the other."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from hil.errors import UsageError
from hil.record import BoardOfRun, Case, Outcome, Provenance, Record
from hil.record.requirements import Requirement, of_tree
from hil.report.html import html
from hil.report.trace import NO_TEST, trace, traceability_csv, traceability_json
from tests.report.parsed import Parsed
from tests.report.runs import STARTED, case

if TYPE_CHECKING:
    from pathlib import Path

KNOWN = (Requirement("element", "E1", "it runs at EL3"), Requirement("requirement", "REQ-12", "it forgets"))


def claiming(name: str, outcome: str, *claims: str, board: str = "rpi4") -> Case:
    return replace(case(name, outcome, board=board), properties=tuple(("requirement", claim) for claim in claims))


def record(*cases: Case, boards: tuple[str, ...] = ("rpi4",)) -> Record:
    made = tuple(BoardOfRun(board, Provenance(firmware_hash="f" * 64)) for board in boards)
    return Record("run-1", "rpi4", STARTED, made, cases=cases, requirements=KNOWN)


def verdicts(run: Record) -> dict[str, str]:
    return {traced.requirement.name: traced.verdict for traced in trace(run)}


def test_a_requirement_without_any_test_says_so() -> None:
    assert verdicts(record()) == {"E1": NO_TEST, "REQ-12": NO_TEST}


def test_a_requirement_whose_only_tests_were_skipped_is_not_shown() -> None:
    unfit = replace(claiming("test_b", "skipped", "REQ-12"), unfit=True)
    assert verdicts(record(claiming("test_a", "skipped", "REQ-12"), unfit))["REQ-12"] == "skipped"


@pytest.mark.parametrize(
    ("outcomes", "verdict"),
    [
        (("passed", "failed"), "failed"),
        (("passed", "lost"), "not known"),
        (("passed", "error"), "not known"),
        (("passed", "xfailed"), "xfailed"),
        (("passed", "flaky"), "flaky"),
        (("passed", "skipped"), "passed"),
    ],
)
def test_the_worst_of_its_tests_counts(outcomes: tuple[str, ...], verdict: str) -> None:
    cases = [claiming(f"test_{outcome}", outcome, "REQ-12") for outcome in outcomes]
    assert verdicts(record(*cases))["REQ-12"] == verdict


def test_each_board_has_its_own_say(tmp_path: Path) -> None:
    cases = (claiming("test_a", "passed", "REQ-12"), claiming("test_a", "failed", "REQ-12", board="juno"))
    told = traceability_json(record(*cases, boards=("rpi4", "juno", "qemu")), tmp_path)
    required = told["requirements"][1]
    assert {board["board"]: board["verdict"] for board in required["boards"]} == {
        "rpi4": "passed",
        "juno": "failed",
        "qemu": NO_TEST,
    }
    assert required["verdict"] == "failed"


def test_what_only_a_test_knows_of_is_there_in_the_order_of_numbers() -> None:
    run = record(claiming("test_a", "passed", "REQ-2", "REQ-100", "REQ-12"))
    assert list(verdicts(run)) == ["E1", "REQ-12", "REQ-2", "REQ-100"]


def test_the_table_has_a_row_for_each_test_and_for_what_has_none(tmp_path: Path) -> None:
    skipped = replace(claiming("test_b", "skipped", "REQ-12"), reason="=HYPERLINK(1)")
    rows = [
        *csv.DictReader(
            io.StringIO(traceability_csv(record(claiming("test_a", "passed", "REQ-12"), skipped), tmp_path))
        )
    ]
    assert [(row["requirement"], row["verdict"], row["outcome"]) for row in rows] == [
        ("E1", NO_TEST, ""),
        ("REQ-12", "passed", "passed"),
        ("REQ-12", "passed", "skipped"),
    ]
    assert rows[2]["reason"] == "'=HYPERLINK(1)"
    assert rows[1]["firmware_hash"] == "f" * 64


def test_a_run_of_a_few_tests_folds_what_it_has_no_test_for() -> None:
    half = record(claiming("test_a", "passed", "REQ-12"))
    few = replace(half, requirements=(*KNOWN, Requirement("threat", "1", "a race")))
    for run, untested, folded in ((half, 1, []), (few, 2, ["details"])):
        shown = Parsed(html(run))
        assert [name for name, attributes in shown.elements if attributes.get("class") == "untested"] == folded
        assert shown.text.count(NO_TEST) == untested
        assert "it forgets" in shown.text


def test_the_page_says_what_no_test_shows() -> None:
    assert "no test" in html(record(claiming("test_a", "passed", "REQ-12")))
    assert '<h2 id="requirements">' not in html(Record("run-1", "rpi4", STARTED, cases=(Case("a", Outcome.PASSED),)))


def test_a_tree_names_its_requirements(tmp_path: Path) -> None:
    assert of_tree(tmp_path) == ()
    (tmp_path / "pyproject.toml").write_text('[tool.hil]\nrequirements = "req.toml"\n')
    with pytest.raises(UsageError, match="is not there"):
        of_tree(tmp_path)
    (tmp_path / "req.toml").write_text('[requirement]\nREQ-12 = "it forgets"\n[threat]\n1 = "a race"\n')
    assert of_tree(tmp_path) == (
        Requirement("requirement", "REQ-12", "it forgets"),
        Requirement("threat", "1", "a race"),
    )


@pytest.mark.parametrize(
    "text", ["[claims]\na = 'b'\n", "[requirement]\na.b = 'c'\n", "[requirement]\na = 1\n", "a = 1", "["]
)
def test_a_mistake_in_the_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.hil]\nrequirements = "req.toml"\n')
    (tmp_path / "req.toml").write_text(text)
    with pytest.raises(UsageError, match=r"req\.toml"):
        of_tree(tmp_path)
