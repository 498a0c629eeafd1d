"""The record on disk is whole or absent, at every moment."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from hil.errors import ExitCode, UsageError
from hil.record import Attempt, BoardOfRun, Case, Fault, FaultKind, Outcome, Provenance, Run, Stage, Verdict, load
from hil.record.provenance import gather

if TYPE_CHECKING:
    from pathlib import Path

DONE = Case("suites/a.py::test_done", Outcome.PASSED, board="rpi4")


def test_a_run_in_progress_can_be_read(tmp_path: Path) -> None:
    run = Run(tmp_path, BoardOfRun("rpi4", Provenance()))
    run.add(DONE)
    record = load(tmp_path / "latest")
    assert record.verdict is Verdict.RUNNING
    assert record.cases == (DONE,)
    assert record.counts.passed == 1
    run.finish(ExitCode.PASSED)
    assert load(tmp_path / "latest").verdict is Verdict.PASSED


@pytest.mark.parametrize(
    ("code", "verdict"),
    [(ExitCode.INFRASTRUCTURE, Verdict.INFRASTRUCTURE), (ExitCode.FINDINGS, Verdict.INTERRUPTED)],
)
def test_a_lost_board_outweighs_an_interruption_and_that_a_finding(
    tmp_path: Path, code: ExitCode, verdict: Verdict
) -> None:
    run = Run(tmp_path, BoardOfRun("rpi4", Provenance()))
    assert run.finish(code, interrupted=True).verdict is verdict


def test_a_torn_last_event_loses_only_itself(tmp_path: Path) -> None:
    run = Run(tmp_path, BoardOfRun("rpi4", Provenance()))
    run.add(DONE)
    with (run.path / "events.jsonl").open("a") as events:
        events.write('{"event": "case", "id": "suites/a.py::te')
    assert load(run.path).cases == (DONE,)


def test_the_events_of_a_run_tell_the_same_as_its_record(tmp_path: Path) -> None:
    run = Run(tmp_path, *(BoardOfRun(name, Provenance()) for name in ("rpi4", "juno")))
    run.describe("juno", Provenance(firmware_hash="f00d"))
    run.plan([DONE.id, "suites/a.py::test_never"], board="rpi4")
    run.add(Case("suites/a.py::test_there", Outcome.PASSED, board="juno"))
    run.add(DONE)
    run.add_fault(Fault(FaultKind.INFRASTRUCTURE, "", "BoardDied", "gone", board="juno"))
    run.add_stage(Stage("monitor", "2026-11-23T16:00:00.000Z", 2.5, ok=True, board="rpi4"))
    run.finish(ExitCode.INFRASTRUCTURE)
    whole = load(run.path)
    for content in (None, "", "{"):
        (run.path / "run.json").unlink()
        if content is not None:
            (run.path / "run.json").write_text(content)
        assert load(run.path) == whole
        (run.path / "run.json").touch()


@pytest.mark.parametrize("again", [False, True])
def test_a_failure_before_a_retry_that_was_cut_is_not_lost(tmp_path: Path, *, again: bool) -> None:
    run = Run(tmp_path, BoardOfRun("rpi4", Provenance()))
    fault = Fault(FaultKind.FIRMWARE, "call", "Panic", "gone", finding=True)
    first = Attempt(1, Outcome.FAILED, "2026-11-23T16:00:00.000Z", 1.0, faults=(fault,))
    run.begin(DONE.id)
    run.retry(DONE.id, first)
    if again:
        second = Attempt(2, Outcome.PASSED, "2026-11-23T16:00:01.000Z", 1.0)
        run.add(Case.from_attempts(DONE.id, [first, second]).at("rpi4"))
    (case,) = load(run.path).cases
    assert (case.outcome, len(case.attempts)) == ((Outcome.FLAKY, 2) if again else (Outcome.FAILED, 1))
    assert case.board == "rpi4"


@pytest.mark.parametrize("content", ["[]", "{}", '{"schema": 4}', "1", '{"schema": 4, "id": 1, "boards": [1]}'])
def test_what_is_no_record_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(UsageError, match=r"run\.json"):
        load(tmp_path)


def test_a_record_of_another_schema_is_refused(tmp_path: Path) -> None:
    run = Run(tmp_path, BoardOfRun("rpi4", Provenance()))
    content = json.loads((run.path / "run.json").read_text())
    (run.path / "run.json").write_text(json.dumps({**content, "schema": 99}))
    with pytest.raises(UsageError, match="schema 99, this version reads 3 and 4 and 5") as refused:
        load(run.path)
    assert "newer hil" in str(refused.value)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '"text"'])
def test_what_is_no_record_is_refused_by_name(tmp_path: Path, content: str) -> None:
    (tmp_path / "run.json").write_text(content)
    (tmp_path / "events.jsonl").write_bytes(b"\xff\x00\n")
    with pytest.raises(UsageError, match=r"run\.json"):
        load(tmp_path)


def test_runs_sort_by_time_even_within_a_second(tmp_path: Path) -> None:
    names = [Run(tmp_path, BoardOfRun("rpi4", Provenance())).path.name for _ in range(3)]
    assert sorted(names) == names


def test_provenance_of_a_tree_without_git_and_firmware_is_empty_not_wrong(tmp_path: Path) -> None:
    board_file = tmp_path / "rpi4.yaml"
    board_file.write_text("targets: {}")
    provenance = gather(tmp_path, board_file)
    assert provenance.git == ""
    assert provenance.firmware_hash == ""
    assert provenance.board_file == "rpi4.yaml"


def test_provenance_carries_the_manifest_of_the_firmware(tmp_path: Path) -> None:
    board_file, manifest = tmp_path / "rpi4.yaml", tmp_path / "manifest.json"
    board_file.write_text("targets: {}")
    manifest.write_text('{"firmware_hash": "f00d", "files": {"flash.bin": {"sha256": "beef"}}}')
    provenance = gather(tmp_path, board_file, manifest=manifest)
    assert provenance.firmware_hash == "f00d"
    assert provenance.firmware["files"]["flash.bin"]["sha256"] == "beef"
