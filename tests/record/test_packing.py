"""Long transcripts are compressed when a run ends, and all that reads transcripts reads them all the same."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

from msgspec.structs import replace

from hil.errors import ExitCode
from hil.record import BoardOfRun, Case, Outcome, Provenance, Record, Run, load, packing, read_events
from hil.record.packing import EVENTS_FILE, PLAIN_BYTES, pack, packed, read, transcripts
from hil.record.run import RUN_FILE
from hil.record.transcript import DirectorySink
from hil.report import write_reports
from hil.report.activity import read_activity
from hil.report.runs import Runs
from tests.browser.sample import record

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

LONG = b"0123456789abcdef" * 4 + b"\n"


def say(directory: Path, uart: str, times: int) -> Path:
    transcript = DirectorySink(directory).transcript("rpi4-1", uart)
    transcript.received(LONG * times)
    transcript.close()
    return directory / "rpi4-1" / f"{uart}.log"


def test_what_is_long_is_packed_and_what_is_short_stays_readable(tmp_path: Path) -> None:
    long, short = say(tmp_path, "monitor", 6000), say(tmp_path, "firmware", 3)
    said, sent = long.read_bytes(), long.with_suffix(".raw").read_bytes()
    pack(tmp_path)
    assert sorted(file.name for file in short.parent.iterdir()) == [
        "firmware.log",
        "firmware.raw",
        "monitor.log.gz",
        "monitor.raw.gz",
    ]
    assert gzip.decompress(packed(long).read_bytes()) == read(long) == said
    assert read(long.with_suffix(".raw")) == sent
    assert packed(long).stat().st_size < len(said) / 10
    assert list(transcripts(tmp_path)) == [short, long]


def test_the_timeline_of_a_packed_console_is_the_same(tmp_path: Path) -> None:
    say(tmp_path, "monitor", 6000)
    before = read_activity(tmp_path)
    pack(tmp_path)
    assert before
    assert read_activity(tmp_path) == before


def test_a_console_that_lies_elsewhere_is_left_alone(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    log = say(tmp_path / "elsewhere", "monitor", 6000)
    (run / "rpi4").symlink_to(log.parent)
    pack(run)
    assert log.stat().st_size > PLAIN_BYTES


def test_what_unpacks_to_too_much_is_read_in_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = say(tmp_path, "monitor", 6000)
    pack(tmp_path)
    monkeypatch.setattr(packing, "MOST_BYTES", 100)
    assert len(read(log)) == 100


def test_events_are_packed_and_tell_the_same_and_a_run_without_its_record_is_found(tmp_path: Path) -> None:
    run = Run(tmp_path, BoardOfRun("rpi4", Provenance()))
    for number in range(500):
        run.begin(f"suites/a.py::test_with_a_name_that_takes_its_space[{number}]")
        run.add(Case(f"suites/a.py::test_with_a_name_that_takes_its_space[{number}]", Outcome.PASSED, board="rpi4"))
    write_reports(run.finish(ExitCode.PASSED), run.path)
    events = packed(run.path / EVENTS_FILE)
    assert not (run.path / EVENTS_FILE).exists()
    assert [event["event"] for event in read_events(run.path)].count("case") == 500
    whole = load(run.path)
    (run.path / RUN_FILE).unlink()
    assert Runs(tmp_path).paths() == [run.path]
    assert load(run.path) == whole
    events.write_bytes(events.read_bytes()[:-100])
    assert read_events(run.path) == []


def test_the_events_of_a_run_that_goes_on_are_left_alone(tmp_path: Path) -> None:
    run = Run(tmp_path, BoardOfRun("rpi4", Provenance()))
    for number in range(500):
        run.add(Case(f"suites/a.py::test_with_a_name_that_takes_its_space[{number}]", Outcome.PASSED, board="rpi4"))
    write_reports(load(run.path), run.path)
    assert (run.path / EVENTS_FILE).stat().st_size > PLAIN_BYTES
    run.finish(ExitCode.PASSED)
    assert load(run.path).counts.passed == 500


def test_each_case_of_a_record_is_one_line(tmp_path: Path) -> None:
    run = Run(tmp_path, BoardOfRun("rpi4", Provenance()))
    said = 'a "line"\n "cases": []\n'
    for name in ("test_a", "test_b"):
        run.add(Case(f"suites/a.py::{name}", Outcome.SKIPPED, reason=said, board="rpi4"))
    run.finish(ExitCode.PASSED)
    lines = (run.path / RUN_FILE).read_text().splitlines()
    first = lines.index(' "cases": [')
    assert [json.loads(line.rstrip(","))["id"] for line in lines[first + 1 : first + 3]] == [
        "suites/a.py::test_a",
        "suites/a.py::test_b",
    ]
    assert lines[first + 3] == " ],"
    assert [case.reason for case in load(run.path).cases] == [said, said]


def test_junit_names_the_file_that_is_there(tmp_path: Path) -> None:
    say(tmp_path, "monitor", 6000)
    run = replace(record(), directory="reports/a-run")
    write_reports(run, tmp_path)
    assert b"[[ATTACHMENT|reports/a-run/rpi4-1/monitor.log.gz]]" in (tmp_path / "junit.xml").read_bytes()


def test_a_run_without_any_console_has_a_page_of_them(tmp_path: Path) -> None:
    write_reports(Record("a-run", "rpi4", record().started, (BoardOfRun("rpi4", Provenance()),)), tmp_path)
    assert (tmp_path / "console.html").is_file()
