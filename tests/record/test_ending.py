"""How a run ended that carried out nothing, was killed, or was cut short: the same in every view."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from xmlschema import XMLSchema

from hil.errors import ExitCode
from hil.operations.serve.overview import Overview
from hil.record import BoardOfRun, Case, Outcome, Provenance, Run, Verdict, load
from hil.record.verdict import count
from hil.report.compare import Change, compare
from hil.report.history import history
from hil.report.html import html
from hil.report.index import indexed
from hil.report.junit import junit
from tests.report.parsed import Parsed
from tests.report.runs import Lab, case

if TYPE_CHECKING:
    from hil.record import Record

SCHEMA = XMLSchema(str(Path(__file__).parents[1] / "report" / "junit.xsd"))
KILLED = """
import os, signal, sys
from pathlib import Path
from hil.record import BoardOfRun, Case, Outcome, Provenance, Run
run = Run(Path(sys.argv[1]), BoardOfRun("rpi4", Provenance()))
run.plan(f"suites/a.py::test_{name}" for name in ("done", "cut", "never"))
run.begin("suites/a.py::test_done")
run.add(Case("suites/a.py::test_done", Outcome.PASSED))
run.begin("suites/a.py::test_cut")
os.kill(os.getpid(), signal.SIGKILL)
"""
SKIPPED = Case("suites/a.py::test_a", Outcome.SKIPPED, reason="not today")
UNFIT = Case("suites/a.py::test_b", Outcome.SKIPPED, reason="this board has no linux", unfit=True)
NOT_EVEN_TRIED = Case("suites/a.py::test_c", Outcome.XFAILED, reason="[NOTRUN] breaks the board")


def run_of(reports: Path, *cases: Case, code: ExitCode = ExitCode.PASSED, empty: bool = False) -> Path:
    run = Run(reports, BoardOfRun("rpi4", Provenance()))
    for one in cases:
        run.add(one)
    run.finish(code, may_be_empty=empty)
    return run.path


@pytest.mark.parametrize(
    ("cases", "told"),
    [
        ((), "not one test ran: none was selected"),
        ((SKIPPED,), "not one test ran: 1 skipped (not today)"),
        ((UNFIT, SKIPPED), "not one test ran: 1 for other boards (this board has no linux), 1 skipped (not today)"),
        ((NOT_EVEN_TRIED,), "not one test ran: 1 skipped ([NOTRUN] breaks the board)"),
    ],
)
def test_a_run_that_carried_out_nothing_is_not_passed_in_any_view(
    tmp_path: Path, cases: tuple[Case, ...], told: str
) -> None:
    path = run_of(tmp_path, *cases)
    record = load(path)
    assert (record.verdict, record.exit_code) == (Verdict.NOTHING_RAN, ExitCode.USAGE)
    assert record.faults[0].message == told
    document = junit(record)
    SCHEMA.validate(io.BytesIO(document))
    assert b"<error" in document
    assert 'class="verdict nothing-ran"' in html(record)
    assert [run.verdict for run in history(tmp_path, 5).runs] == ["nothing-ran"]
    (shown,) = Overview(tmp_path).runs()
    assert shown["verdict"] == "nothing-ran"


def test_one_test_that_ran_is_enough(tmp_path: Path) -> None:
    record = load(run_of(tmp_path, SKIPPED, Case("suites/a.py::test_d", Outcome.PASSED)))
    assert (record.verdict, record.exit_code) == (Verdict.PASSED, ExitCode.PASSED)


def test_a_lost_lab_outweighs_that_nothing_ran(tmp_path: Path) -> None:
    assert load(run_of(tmp_path, SKIPPED, code=ExitCode.INFRASTRUCTURE)).verdict is Verdict.INFRASTRUCTURE


def test_a_run_that_had_nothing_to_do_returns_0_and_is_not_called_passed(tmp_path: Path) -> None:
    record = load(run_of(tmp_path, empty=True))
    assert (record.verdict, record.exit_code) == (Verdict.NOTHING_RAN, ExitCode.PASSED)


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """A run that was killed in its second of three tests."""
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False, cwd=Path(__file__).parents[2])
    return (tmp_path / "latest").resolve()


def words(record: Record) -> dict[str, str]:
    return {one.name: one.outcome.value for one in record.cases}


def test_a_killed_run_is_an_infrastructure_failure_in_every_view_and_all_count_the_same(killed: Path) -> None:
    record = load(killed)
    assert json.loads((killed / "run.json").read_text())["verdict"] == "running"
    assert (record.verdict, record.exit_code) == (Verdict.KILLED, ExitCode.INFRASTRUCTURE)
    assert words(record) == {"test_done": "passed", "test_cut": "error", "test_never": "skipped"}
    assert record.counts == count(record.cases)
    assert (record.counts.passed, record.counts.infrastructure, record.counts.not_run) == (1, 1, 1)
    assert b'type="infrastructure"' in junit(record)
    page = html(record, killed)
    assert 'class="verdict killed"' in page
    assert [made["word"] for made in Parsed(page).embedded["case-data"]] == ["passed", "infrastructure", "not-run"]
    found = indexed(killed)
    assert found
    assert (found.verdict, found.counts) == ("killed", record.counts)
    (shown,) = Overview(killed.parent).runs()
    assert (shown["verdict"], shown["counts"]["not_run"], shown["counts"]["passed"]) == ("killed", 1, 1)
    assert [run.verdict for run in history(killed.parent, 5).runs] == ["killed"]


def test_a_run_whose_process_dies_is_killed_from_then_on_though_no_file_changes(tmp_path: Path) -> None:
    program = KILLED.replace("os.kill(os.getpid(), signal.SIGKILL)", "print(flush=True); sys.stdin.read()")
    overview = Overview(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout
        process.stdout.readline()
        run = (tmp_path / "latest").resolve()
        assert load(run).verdict is Verdict.RUNNING
        assert overview.runs()[0]["verdict"] == "running"
        found = indexed(run)
        assert found
        assert found.verdict == "running"
        process.kill()
        process.wait(30)
    assert load(run).verdict is Verdict.KILLED
    assert overview.runs()[0]["verdict"] == "killed"
    found = indexed(run)
    assert found
    assert found.verdict == "killed"


def test_another_process_with_the_id_of_the_writer_is_another_one(tmp_path: Path) -> None:
    run = Run(tmp_path, BoardOfRun("rpi4", Provenance()))
    assert load(run.path).verdict is Verdict.RUNNING
    data = json.loads((run.path / "run.json").read_text())
    (run.path / "run.json").write_text(json.dumps({**data, "process_started": "2026-01-01T00:00:00.000Z"}))
    assert load(run.path).verdict is Verdict.KILLED


def test_tests_that_never_started_are_not_run_and_no_skips(tmp_path: Path) -> None:
    run = Run(tmp_path, BoardOfRun("rpi4", Provenance()))
    run.plan(["suites/a.py::test_a", "suites/a.py::test_b"])
    run.add(Case("suites/a.py::test_a", Outcome.PASSED))
    record = run.finish(ExitCode.FINDINGS)
    assert (record.counts.not_run, record.counts.skipped) == (1, 0)
    document = junit(record).decode()
    assert '<skipped message="not run: the run ended before it" type="not-run"' in document
    assert [made["word"] for made in Parsed(html(record)).embedded["case-data"]] == ["passed", "not-run"]


def test_a_test_that_vanished_or_was_put_aside_fails_the_gate_by_its_name(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    before = lab.run(case("test_a", "passed"), case("test_b", "passed"), case("test_c", "passed"))
    after = lab.run(case("test_a", "passed"), case("test_b", "skipped"))
    found = compare(before, after)
    gone = {one.id.rpartition("::")[2]: one.change for one in found.differences}
    assert gone == {"test_b": Change.PUT_ASIDE, "test_c": Change.REMOVED}
    assert found.exit_code() is ExitCode.FINDINGS
    assert found.exit_code(["*::test_[bc]"]) is ExitCode.PASSED
    assert compare(before, before).exit_code() is ExitCode.PASSED


def test_a_gate_does_not_call_green_what_the_lab_kept_from_a_result(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    found = compare(lab.run(case("test_a", "passed")), lab.run(case("test_a", "lost")))
    assert found.exit_code() is ExitCode.INFRASTRUCTURE
