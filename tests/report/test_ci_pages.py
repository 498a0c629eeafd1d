"""What CI servers show of a run: annotations and a summary, whatever a record holds, and not more than they take."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from markdown_it import MarkdownIt
from msgspec.structs import replace

from hil.errors import ExitCode
from hil.record import BoardOfRun, Case, Fault, FaultKind, Outcome, Provenance, Record, Verdict
from hil.record.verdict import count
from hil.report.github import MOST_OF_A_KIND, annotated, append_summary, tell_github
from hil.report.markdown import MOST_BYTES, markdown
from tests.report.parsed import HOSTILE

anything = some.text(some.characters(exclude_categories=()))
FILE = "suites/tpm/test_a.py"
WRONG = Fault(
    FaultKind.FIRMWARE, "call", "AssertionError", "100% wrong:\nlevel", f"{FILE}:12: AssertionError", finding=True
)
LOST = Fault(FaultKind.INFRASTRUCTURE, "call", "BoardDied", "the emulator is gone", stage="monitor")


def record(*cases: Case, verdict: Verdict = Verdict.FINDINGS) -> Record:
    placed = tuple(replace(case, board="rpi4") for case in cases)
    boards = (BoardOfRun("rpi4", Provenance()),)
    return Record(
        "run-1", "rpi4", "2026-11-23T16:00:00.123Z", boards, verdict, int(ExitCode.FINDINGS), cases=placed,
        counts=count(placed), directory="reports/run-1",
    )  # fmt: skip


def failed(name: str, fault: Fault = WRONG) -> Case:
    return Case(f"{FILE}::{name}", Outcome.FAILED if fault.finding else Outcome.ERROR, faults=(fault,))


def test_a_finding_is_shown_at_its_line_and_a_lost_board_at_none() -> None:
    lines = annotated(record(failed("test_a"), failed("test_b", LOST)), Path("/tree/sub"), Path("/tree"))
    assert lines == [
        "::error title=infrastructure%3A test_b on rpi4::the emulator is gone%0Aat stage monitor",
        f"::error file=sub/{FILE},line=12,title=finding%3A test_a on rpi4::100%25 wrong:%0Alevel",
    ]


def test_failures_that_say_the_same_are_one_annotation() -> None:
    (line,) = annotated(record(failed("test_a"), failed("test_b")), Path("/tree"), Path("/tree"))
    assert line.endswith("%0Athe same in 1 more tests")


def test_a_flaky_test_is_a_warning() -> None:
    from tests.report.runs import case

    (line,) = annotated(record(case("test_a", "flaky")), Path("/tree"), Path("/tree"))
    assert line.startswith("::warning file=")
    assert "title=flaky%3A test_a" in line


def test_not_more_annotations_than_are_shown_and_the_last_one_counts_the_rest() -> None:
    cases = [failed(f"test_{n}", replace(WRONG, message=f"wrong {n}")) for n in range(25)]
    lines = annotated(record(*cases), Path("/tree"), Path("/tree"))
    assert len(lines) == MOST_OF_A_KIND
    assert lines[-1] == "::error title=16 more::16 more things to look at: see the summary of the job"


@given(anything, anything, anything)
@settings(max_examples=200, deadline=None)
def test_nothing_that_a_test_says_ends_an_annotation_or_begins_another(name: str, message: str, details: str) -> None:
    fault = Fault(FaultKind.TEST, "call", "Odd", message, details, finding=True)
    lines = annotated(record(failed(name, fault)), Path("/tree"), Path("/tree"))
    assert len(lines) == 1
    for line in lines:
        assert len(line.splitlines()) == 1
        command, properties, text = line.split("::", 3)[1].partition(" ")[0], *line[2:].split("::", 1)
        assert command == "error"
        assert text.count("\n") == 0
        assert properties.count(",") <= 2


def test_github_is_told_only_where_it_listens(tmp_path: Path) -> None:
    said: list[str] = []
    summary = tmp_path / "summary.md"
    given = record(failed("test_a"))
    tell_github(given, tmp_path, tmp_path, said.append, {"GITHUB_STEP_SUMMARY": str(summary)})
    assert said == []
    assert not summary.exists()
    tell_github(given, tmp_path, tmp_path, said.append, {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)})
    assert [line.partition(" ")[0] for line in said] == ["::error"]
    assert "#### firmware: 100% wrong" in summary.read_text()


def test_a_summary_that_cannot_be_written_is_a_warning_and_no_failure(tmp_path: Path) -> None:
    said: list[str] = []
    environment = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(tmp_path / "no" / "such")}
    tell_github(record(), tmp_path, tmp_path, said.append, environment)
    assert len(said) == 1
    assert said[0].startswith("::warning title=no summary::")


def test_the_summary_has_verdict_suites_reasons_and_failures() -> None:
    skipped = Case(f"{FILE}::test_s", Outcome.SKIPPED, reason="not today")
    text = markdown(record(failed("test_a"), skipped), "reports/run-1")
    page = MarkdownIt("commonmark").enable("table").render(text)
    for told in ("<h3>rpi4: findings</h3>", "<td>tpm</td>", "skipped: 1 (not today)", f"<code>{FILE}::test_a</code>"):
        assert told in page
    assert "record in <code>reports/run-1</code>" in page


@given(anything, anything)
@settings(max_examples=200, deadline=None)
def test_nothing_that_a_test_says_is_markup(name: str, said: str) -> None:
    fault = Fault(FaultKind.TEST, "call", "Odd", said, said, finding=True)
    skipped = Case(f"{FILE}::test_s", Outcome.SKIPPED, reason=said)
    page = MarkdownIt("commonmark").enable("table").render(markdown(record(failed(name, fault), skipped), said))
    assert page.count("<h4>") == 1
    assert page.count("<h3>") == 1
    assert "<a " not in page
    assert "<img" not in page


def test_hostile_text_stays_text() -> None:
    fault = Fault(FaultKind.TEST, "call", "Odd", HOSTILE, f"```\n{HOSTILE}", finding=True)
    page = MarkdownIt("commonmark").enable("table").render(markdown(record(failed("test_a", fault)), "r"))
    assert "<script" not in page
    assert "<img" not in page


@pytest.mark.parametrize("most", [MOST_BYTES, 20_000, 2_000, 100])
def test_a_summary_is_never_longer_than_is_shown(most: int) -> None:
    cases = [failed(f"test_{n}", replace(WRONG, message=f"wrong {n} é", details="é" * 3_900)) for n in range(400)]
    text = markdown(record(*cases), "reports/run-1", most=most)
    assert len(text.encode()) <= most
    if most >= 2_000:
        assert "more: the report has all" in text
        assert "record in `reports/run-1`" in text


def test_summaries_of_one_step_share_the_room(tmp_path: Path) -> None:
    cases = [failed(f"test_{n}", replace(WRONG, message=f"wrong {n}", details="x" * 3_900)) for n in range(400)]
    for _ in range(3):
        append_summary(record(*cases), "reports/run-1", tmp_path / "summary")
    assert (tmp_path / "summary").stat().st_size <= MOST_BYTES
