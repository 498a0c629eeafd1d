"""Whenever its writer is killed, a record can be read; its reports are whole or absent, and can be made anew."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from xmlschema import XMLSchema

from hil.record import Case, Verdict, load
from hil.record.reader import RUN_KILLED
from hil.record.verdict import count
from hil.report.rebuild import Rebuilt
from tests.record.schema import assert_valid
from tests.report.killing import CASES, write_run

SCHEMA = XMLSchema(str(Path(__file__).parent / "junit.xsd"))


def test_a_killed_writer_leaves_a_record_that_can_be_read_and_reports_that_are_whole(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.report.killing", str(tmp_path)]
    # It traces the writers itself, which it cannot while its coverage is measured.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    subprocess.run(command, cwd=Path(__file__).parents[2], env=environment, check=True, timeout=600)
    seen: set[tuple[Verdict, bool]] = set()
    points = list(tmp_path.iterdir())
    for reports in points:
        runs = [path for path in reports.iterdir() if path.is_dir() and (path / "run.json").exists()]
        if (reports / "latest").is_symlink():
            assert (reports / "latest").resolve() == runs[0].resolve()
        for run in runs:
            record = load(run)
            assert_valid(run)
            done = [case for case in record.cases if not (case.never_started or _killed_in(case))]
            assert done == [case.at("rpi4") for case in CASES[: len(done)]]
            assert record.counts == count(record.cases)
            junit, page = run / "junit.xml", run / "report.html"
            seen.add((record.verdict, junit.exists()))
            if junit.exists():
                SCHEMA.validate(io.BytesIO(junit.read_bytes()))
            if page.exists():
                assert page.read_text().rstrip().endswith("</html>")
            rebuilt = Rebuilt.from_directory(run).junit()
            SCHEMA.validate(io.BytesIO(rebuilt))
            assert not junit.exists() or junit.read_bytes() == rebuilt
    assert len(points) > 60
    assert seen == {(Verdict.KILLED, False), (Verdict.FINDINGS, False), (Verdict.FINDINGS, True)}


def _killed_in(case: Case) -> bool:
    return any(fault.type == RUN_KILLED for fault in case.faults)


@pytest.fixture
def torn(tmp_path: Path) -> Path:
    """A run that lost `run.json`, and has all its events."""
    write_run(tmp_path)
    run = (tmp_path / "latest").resolve()
    (run / "run.json").unlink()
    return run


def test_events_that_end_anywhere_lose_only_what_is_torn(torn: Path) -> None:
    whole = (torn / "events.jsonl").read_bytes()
    for end in range(whole.index(b"\n") + 1, len(whole), 5):
        (torn / "events.jsonl").write_bytes(whole[:end])
        begun = whole[:end].count(b'"event":"case",')
        assert len(load(torn).cases) in {begun, begun - 1}
