"""Every run leaves a directory that is whole, also when it was cut short."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil.errors import ExitCode
from hil.record import Outcome, Verdict, load
from hil.report.index import word
from tests.record.schema import assert_valid
from tests.session.plugin.bench import ARGUMENTS

if TYPE_CHECKING:
    from tests.session.plugin.bench import Bench

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}

THREE = """
def test_good(monitor): monitor.say(b"first\\n")
def test_bad(monitor):
    monitor.say(b"second\\n")
    assert False, "no good"
@pytest.mark.skip(reason="not today")
def test_none(monitor): pass
"""


def test_latest_points_to_the_newest_run(bench: Bench) -> None:
    bench.run(THREE)
    first = bench.latest.resolve()
    bench.run(THREE)
    assert first.is_dir()
    assert bench.latest.resolve() != first


def test_provenance_names_board_tools_and_tree(bench: Bench) -> None:
    bench.run(THREE)
    (board,) = bench.record["boards"]
    provenance = board["provenance"]
    board_file = bench.pytester.path / "fake.yaml"
    assert provenance["board_file_sha256"] == hashlib.sha256(board_file.read_bytes()).hexdigest()
    assert {"python", "labgrid", "pytest", "tpm2-pytss"} <= set(provenance["versions"])
    assert provenance["host"]["name"]
    assert {"labgrid", "paramiko", "pluggy"} <= set(provenance["packages"])
    assert provenance["inventory"]["boots_into"] == "monitor"
    assert provenance["inventory"]["features"] == {}


def test_the_timeline_has_the_steps_of_the_board(bench: Bench) -> None:
    bench.run(THREE)
    events = [json.loads(line) for line in (bench.latest / "events.jsonl").read_text().splitlines()]
    assert [event["t"] for event in events] == sorted(event["t"] for event in events)
    steps = [event for event in events if event["event"] == "step"]
    assert {"step": "transition", "of": "FakeStrategy", "args": {"status": "monitor"}}.items() <= steps[0].items()
    assert events[0]["event"] == "run-started"
    assert events[-1]["event"] == "run-finished"


def test_a_record_reads_back_as_it_was_written(bench: Bench) -> None:
    bench.run(THREE)
    record = load(bench.latest)
    assert record.verdict is Verdict.FINDINGS
    assert [case.outcome for case in record.cases] == [Outcome.PASSED, Outcome.FAILED, Outcome.SKIPPED]
    assert record.cases[1].faults[0].message.startswith("no good")


def test_a_run_whose_transcripts_cannot_be_written_stops_and_says_why(bench: Bench) -> None:
    result = bench.run(
        """
        import os
        def test_full(monitor, board):
            os.dup2(os.open("/dev/full", os.O_WRONLY), board.strategy.transcript._log)
            monitor.say(b"more than there is space for\\n")
        def test_never(monitor): pass
        """
    )
    assert result.ret == 3
    why = "the transcript of monitor cannot be written: No space left on device"
    result.stdout.fnmatch_lines([f"*{why}*"])
    assert [fault["message"] for fault in bench.record["faults"]] == [why]
    assert bench.cases["test_never"]["attempts"] == []


def test_a_case_has_its_attempt_with_board_times_and_steps(bench: Bench) -> None:
    bench.run(THREE)
    assert_valid(bench.latest)
    case = bench.cases["test_bad"]
    (attempt,) = case["attempts"]
    assert (attempt["number"], attempt["outcome"], attempt["fault"]) == (1, "failed", "firmware")
    assert attempt["board"] == "fake"
    assert bench.record["started"] <= attempt["started"] <= bench.record["finished"]
    assert [step["name"] for step in case["steps"]] == ["transition monitor"]


def test_the_transcript_is_beside_the_record(bench: Bench) -> None:
    bench.run(THREE)
    assert (bench.latest / "fake" / "monitor.raw").read_bytes() == b"BL1: hello\nfirst\nBL1: hello\nsecond\n"


def test_a_case_says_which_lines_of_the_transcript_are_its_own(bench: Bench) -> None:
    bench.run(THREE)
    lines = (bench.latest / "fake" / "monitor.log").read_text().splitlines()
    for case in bench.cases.values():
        for said in case["console"]:
            own = [line.partition("] ")[2] for line in lines[said["first"] - 1 : said["last"]]]
            assert own == [line.partition("] ")[2] for line in said["text"].splitlines()]
    assert any(case["console"] for case in bench.cases.values())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_is_recorded_to_its_end(bench: Bench, number: signal.Signals) -> None:
    ended, _ = _interrupted(bench, number)
    assert ended == 2
    record = bench.record
    assert record["verdict"] == "interrupted"
    assert bench.cases["test_done"]["outcome"] == "passed"
    assert bench.cases["test_cut"]["faults"][0]["kind"] == "interrupted"
    assert bench.cases["test_never"]["outcome"] == "skipped"
    assert bench.junit.tests == 3
    assert bench.junit.errors == 1


def test_a_killed_run_leaves_a_valid_record_of_what_it_did(bench: Bench) -> None:
    ended, _ = _interrupted(bench, signal.SIGKILL)
    assert ended == -signal.SIGKILL
    assert bench.record["verdict"] == "running"
    assert not (bench.latest / "junit.xml").exists()
    record = load(bench.latest)
    assert (record.verdict, record.exit_code) == (Verdict.KILLED, ExitCode.INFRASTRUCTURE)
    assert [(case.name, word(case)) for case in record.cases] == [
        ("test_done", "passed"),
        ("test_cut", "infrastructure"),
        ("test_never", "not-run"),
    ]


def test_the_board_is_switched_off_when_the_run_is_terminated(bench: Bench) -> None:
    _interrupted(bench, signal.SIGTERM)
    assert (bench.latest / "fake" / "monitor.log").read_text().rstrip().endswith("# power off")


def test_what_a_cut_test_finds_while_it_cleans_up_is_no_finding(bench: Bench) -> None:
    ended, said = _interrupted(bench, signal.SIGTERM, cleaning="assert False, 'the key is gone'")
    assert ended == 2, said
    assert bench.record["verdict"] == "interrupted"
    assert [(fault["kind"], fault["message"]) for fault in bench.record["faults"]] == [
        ("interrupted", "the key is gone")
    ]


def _interrupted(bench: Bench, number: signal.Signals, *, cleaning: str = "pass") -> tuple[int, str]:
    """Run three tests of which the second waits for its end; send the signal while it does."""
    bench.write(
        f"""
        import signal
        @pytest.fixture
        def key():
            yield
            {cleaning}
        def test_done(monitor): pass
        def test_cut(monitor, key):
            print("waiting", flush=True)
            signal.sigtimedwait([], 60)
        def test_never(monitor): pass
        """
    )
    command = [sys.executable, "-m", "pytest", "-s", *ARGUMENTS, "suites"]
    with subprocess.Popen(
        command, cwd=bench.pytester.path, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        seen = ""
        while "waiting" not in seen:
            line = process.stdout.readline()
            assert line, seen
            seen += line
        process.send_signal(number)
        output, _ = process.communicate(timeout=30)
    return process.returncode, seen + output
