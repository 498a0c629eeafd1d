"""The page is one file that needs nothing else, says the worst first, and shows what a target says as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from msgspec.structs import replace

from hil.errors import ExitCode
from hil.operations.bench.figures import Row, Section
from hil.operations.bench.table import as_json
from hil.record import Attempt, BoardOfRun, Case, ConsoleSlice, Fault, FaultKind, Outcome, Provenance, Record, Run, load
from hil.record.case import BLOCKED, Quarantine
from hil.record.step import Stage, Step
from hil.record.transcript import Transcript
from hil.report.activity import read_activity
from hil.report.history import RUNS_SEARCHED, Usual, last_runs
from hil.report.html import html
from hil.report.pagedata import CONSOLE_CHARACTERS
from hil.report.rebuild import add_bench
from hil.report.stages import keep_usual, stages
from tests.report.parsed import HOSTILE, Parsed

if TYPE_CHECKING:
    from pathlib import Path

RING = "suites/queue/test_ring.py"


def failed(message: str, kind: FaultKind = FaultKind.FIRMWARE, name: str = "test_a", **more: Any) -> Case:
    fault = Fault(kind, "call", "Panic", message, finding=kind is FaultKind.FIRMWARE)
    outcome = Outcome.FAILED if fault.finding else Outcome.ERROR
    return Case(f"{RING}::{name}", outcome, faults=(fault,), board="rpi4", **more)


def page(*cases: Case, faults: tuple[Fault, ...] = (), stages: tuple[Stage, ...] = ()) -> Parsed:
    board = BoardOfRun("rpi4", Provenance(firmware_hash="f00d", host={"name": "bench"}))
    record = Record("run-1", "rpi4", "2026-11-23T16:00:00.123Z", (board,), cases=cases, faults=faults, stages=stages)
    return Parsed(html(record))


def test_it_loads_nothing_from_anywhere() -> None:
    elements = page(failed("no answer")).elements
    assert not [name for name, attributes in elements if attributes.get("src") or name in {"link", "iframe", "object"}]
    assert all((attributes.get("href") or "#").startswith("#") for _, attributes in elements)


@settings(deadline=None)  # the first page takes the time to read the template
@given(said=some.text(some.characters(exclude_categories=())))
def test_whatever_a_target_says_stays_text(said: str) -> None:
    shown = page(failed(said, console=(ConsoleSlice("monitor", said),), reason=said))
    assert [name for name, _ in shown.elements].count("script") == 4
    assert not [name for name, _ in shown.elements if name == "img"]


def test_markup_from_a_target_is_shown_as_it_came() -> None:
    shown = page(failed(HOSTILE, console=(ConsoleSlice("monitor", HOSTILE),)))
    assert HOSTILE in shown.text
    assert shown.embedded["case-data"][0]["attempts"][0]["console"] == [["monitor", HOSTILE, ""]]
    assert [name for name, _ in shown.elements].count("script") == 4


@pytest.mark.parametrize("code", [0x1B, 0x80, 0x9B, 0x9F])
def test_controls_from_a_target_are_shown_as_escapes(code: int) -> None:
    shown = page(failed(f"a{chr(code)}b", console=(ConsoleSlice("monitor", f"a{chr(code)}b"),)))
    assert f"a\\x{code:02x}b" in shown.text
    assert chr(code) not in shown.text
    assert shown.embedded["case-data"][0]["attempts"][0]["console"] == [["monitor", f"a\\x{code:02x}b", ""]]


def test_a_lost_board_is_told_before_a_finding_and_equal_failures_once() -> None:
    shown = page(
        failed("the ring is full", name="test_a"),
        failed("the ring is full", name="test_b"),
        failed("QEMU died", FaultKind.INFRASTRUCTURE, name="test_c"),
    )
    assert shown.text.index("QEMU died") < shown.text.index("the ring is full")
    assert shown.text.count("the ring is full") == 1
    assert "and 1 more" in shown.text


def test_what_a_lost_board_kept_from_running_is_counted_where_it_was_lost() -> None:
    lost = failed("QEMU died", FaultKind.INFRASTRUCTURE)
    blocked = [
        failed("not run, the board failed before: QEMU died", FaultKind.INFRASTRUCTURE, name, reason=BLOCKED)
        for name in ("test_b", "test_c")
    ]
    told = page(lost, *blocked).text
    assert told.count("QEMU died") == 1
    assert "2 tests did not run because of it" in told
    assert page(*blocked).text.count("not run, the board failed before: QEMU died") == 1


def test_what_went_wrong_outside_of_every_case_is_told_too() -> None:
    assert "no such place" in page(faults=(Fault(FaultKind.INFRASTRUCTURE, "", "Lost", "no such place"),)).text


def test_a_case_knows_when_it_ran_and_what_the_framework_did_meanwhile() -> None:
    attempt = Attempt(1, Outcome.PASSED, started="2026-11-23T16:00:01.123Z", duration=1.0, board="rpi4")
    steps = (Step("fork", "2026-11-23T16:00:01.373Z", 0.25),)
    stage = Stage("monitor", "2026-11-23T16:00:00.373Z", 0.5, ok=True, board="rpi4", seat="rpi4-2")
    shown = page(Case.from_attempts(f"{RING}::test_a", [attempt], steps=steps), stages=(stage,)).embedded
    assert shown["case-data"][0]["attempts"][0]["from"] == 1.0
    assert shown["case-data"][0]["steps"] == [[1.25, "fork", 0.25]]
    assert shown["timeline-data"]["stages"] == [["rpi4-2", 0.25, 0.5, "monitor", True]]
    assert shown["timeline-data"]["seconds"] == 2.0


def test_a_flaky_test_is_told_after_the_failures_with_what_it_said_first() -> None:
    fault = Fault(FaultKind.FIRMWARE, "call", "AssertionError", "lost a byte", finding=True)
    attempts = [Attempt(1, Outcome.FAILED, faults=(fault,)), Attempt(2, Outcome.PASSED)]
    shown = page(replace(Case.from_attempts(f"{RING}::test_b", attempts), board="rpi4"), failed("the ring is full"))
    assert shown.text.index("the ring is full") < shown.text.index("lost a byte")
    assert [one["word"] for one in shown.embedded["case-data"]] == ["flaky", "failed"]


def test_what_is_in_quarantine_is_not_among_what_to_look_at_first() -> None:
    held = replace(failed("known trouble"), quarantined=Quarantine("ann", "waits for silicon", "2026-12-31"))
    shown = page(held)
    assert "known trouble" not in shown.text
    assert shown.embedded["case-data"][0]["quarantine"] == "waits for silicon (ann, until 2026-12-31)"


@pytest.mark.parametrize(("outcome", "whole"), [(Outcome.PASSED, False), (Outcome.FAILED, True)])
def test_only_a_case_that_passed_is_told_in_short(outcome: Outcome, *, whole: bool) -> None:
    said = "x" * 3 * CONSOLE_CHARACTERS
    case = replace(failed("", console=(ConsoleSlice("monitor", said),)), outcome=outcome)
    ((_, shown, _),) = page(case).embedded["case-data"][0]["attempts"][0]["console"]
    assert (shown == said) is whole
    assert len(shown) <= len(said)


def test_activity_counts_the_lines_of_each_console(tmp_path: Path) -> None:
    for board, uart, lines in (("rpi4", "firmware", 3), ("rpi4", "monitor", 1), ("juno", "firmware", 2)):
        (tmp_path / board).mkdir(exist_ok=True)
        transcript = Transcript(uart, tmp_path / board / f"{uart}.log")
        transcript.received(b"line\n" * lines)
        transcript.close()
    (tmp_path / "rpi4" / "pytest.log").write_text("no transcript")
    found = {(one.board, one.uart): sum(number for _, number in one.moments) for one in read_activity(tmp_path)}
    assert found == {("rpi4", "firmware"): 3, ("rpi4", "monitor"): 1, ("juno", "firmware"): 2}


def test_a_bench_is_put_on_the_page_of_a_run(tmp_path: Path) -> None:
    run = Run(tmp_path, BoardOfRun("rpi4", Provenance()))
    run.finish(ExitCode.PASSED)
    latencies = {"our queue": (0.0001, 0.0002, 0.5), "swtpm": (0.02,)}
    rows = (Row("GetRandom: p50", {}, latencies=latencies),)
    add_bench(run.path, as_json([Section("delay", "how", rows)]))
    assert load(run.path).attachments == ("bench.json",)
    told = " ".join(Parsed((run.path / "report.html").read_text()).text.split())
    assert "GetRandom our queue 200 µs median of 3 swtpm 20 ms median of 1 100 µs 1 ms 10 ms 100 ms 1 s" in told


def test_files_of_a_run_that_are_half_there_are_left_out(tmp_path: Path) -> None:
    for name in ("bench.json", "coverage.json", "usual.json"):
        for content in ("", "[]", '{"lines": 1}', '{"sections": [{"rows": [{"latencies": {"a": [0]}}]}]}', '[["a"]]'):
            (tmp_path / name).write_text(content)
            html(Record("run-1", "rpi4", "2026-11-23T16:00:00.123Z"), tmp_path)


def test_stages_stand_beside_what_they_took_before_and_stay_so(tmp_path: Path) -> None:
    for seconds in (1.0, 3.0, 9.0):
        run = Run(tmp_path, BoardOfRun("rpi4", Provenance()))
        run.add(Case(f"{RING}::test_a", Outcome.PASSED))
        run.add_stage(Stage("monitor", "2026-11-23T16:00:00.373Z", seconds, ok=True))
        record = run.finish(ExitCode.PASSED)
        keep_usual(record, run.path, last_runs(tmp_path, RUNS_SEARCHED, before=record.id)[0])
    (shown,) = stages(record, run.path)
    assert (shown.median, shown.usual) == (9.0, Usual(2.0, 1.0, 3.0, 2))
    (elsewhere := tmp_path / "elsewhere").mkdir()
    assert stages(record, run.path.rename(elsewhere / "run")) == [shown]
