"""Each part of the bench measures what it says, with few samples; what the figures are is for `hil bench` to show."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from hil.board.file.boardfile import BoardFile
from hil.cli.commandline import app
from hil.operations.bench import framework, instructions, latency, loop, reports, ssh
from hil.settings import Settings
from tests.cli.checkout import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import ModuleType

    from hil.operations.bench.figures import Section

MONITOR = ROOT / "boards" / "qemu-virt.yaml"
LINUX = ROOT / "boards" / "qemu-virt-linux.yaml"


def few(patch: pytest.MonkeyPatch, module: ModuleType, **samples: object) -> None:
    """Have a part of the bench take so few samples."""
    for name, number in samples.items():
        patch.setattr(module, name, number)


def names(sections: Sequence[Section]) -> list[str]:
    """Return the rows, every figure of which was measured."""
    rows = [row for section in sections for row in section.rows]
    assert all(series.samples and series.low >= 0 for row in rows for series in row.series.values())
    return [row.name for row in rows]


@pytest.mark.emulator
def test_the_framework_is_measured_beside_labgrid_and_a_raw_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    few(monkeypatch, framework, BOOTS=1, ROUND_TRIPS=3, FORKS=1, DEATHS=1, TEST_RUNS=1)
    said: list[str] = []
    section = framework.measure(MONITOR, ROOT / "build" / "qemu-virt" / "flash.bin", said.append)
    assert names([section]) == [
        "spawn to prompt",
        "console round trip",
        "200 one-line console tests, whole pytest run",
        "emulator death seen",
        "fork from snapshot to first answer",
    ]
    trip = section.rows[1].series
    assert set(trip) == {"ours", "labgrid", "raw socket"}
    assert {len(series.samples) for series in trip.values()} == {3}
    assert "spawn to prompt" in said


@pytest.mark.emulator
def test_the_loop_is_measured_beside_labgrid_and_pytest(monkeypatch: pytest.MonkeyPatch) -> None:
    few(monkeypatch, loop, ROUNDS=1, FEW_ROUNDS=1, MANY_ROUNDS=1, WARM_UP=0, MANY=3, FORKS=2)
    monkeypatch.setattr(loop, "SERVICE_SOURCE", "no such file")  # edits take builds, and have a test of their own
    section = loop.measure(BoardFile.read(MONITOR), None, ROOT, lambda _: None)
    assert names([section])[:2] == ["one test on a warm board", "one test on a warm board: processor time"]
    assert set(section.rows[0].series) == {"ours", "labgrid", "pytest"}


def test_the_loop_is_measured_with_a_changed_line_and_with_what_was_there_before(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    few(monkeypatch, loop, FEW_ROUNDS=1, WARM_UP=1)
    service = tmp_path / "copy" / loop.SERVICE_SOURCE
    seen: list[tuple[str, int]] = []

    def see(*_: object) -> loop.Cost:
        named = Settings.from_directory(tmp_path / "copy").requirements
        assert named
        assert (tmp_path / "copy" / named).is_file()
        seen.append((service.read_text(encoding="utf-8"), service.stat().st_mode & 0o111))
        return loop.Cost(2.0, 1.0)

    monkeypatch.setattr(loop, "_timed", see)
    rows = loop._edits(BoardFile.read(MONITOR), tmp_path, lambda _: None)
    (first, mode), (one, _), (back, _), (other, _), (again, _), (touched, last_mode) = seen
    assert first == back == again == touched == (ROOT / loop.SERVICE_SOURCE).read_text(encoding="utf-8")
    assert len({first, one, other}) == 3
    assert [len(text.splitlines()) for text in (one, other)] == [len(first.splitlines())] * 2
    assert mode != last_mode
    assert [row.name for row in rows if row.targets] == ["a changed line of the service, to the verdict"]


@pytest.mark.emulator
def test_instructions_are_counted_and_the_transport_stays_within_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    few(monkeypatch, instructions, REPEATS=1)
    commands, memory = instructions.measure(MONITOR, lambda _: None)
    assert "GetRandom, 16 bytes" in names([commands])
    assert "idle instance (state image)" in names([memory])
    assert all(target.met for row in commands.rows for target in row.targets)


@pytest.mark.emulator
def test_no_interrupt_waits_longer_for_a_call_or_a_command_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    few(monkeypatch, latency, FIRST=(800,), TURNS=2)
    section = latency.measure(MONITOR, lambda _: None)
    assert {"CREATE", "DESTROY", "RESET", "FORWARD, with an eviction"} <= {row.name for row in section.rows}
    assert all(series.high > 0 for row in section.rows for series in row.series.values()), "no interrupt came"
    assert all(target.met for row in section.rows for target in row.targets)


@pytest.mark.emulator
@pytest.mark.skipif(shutil.which("ssh") is None, reason="labgrid's SSHDriver needs ssh")
def test_ssh_is_measured_beside_labgrid(monkeypatch: pytest.MonkeyPatch) -> None:
    few(monkeypatch, ssh, COLD_STARTS=1, FORKS=1, CONNECTIONS=1, ROUND_TRIPS=1, ROWS=1)
    section = ssh.measure(LINUX, lambda _: None)
    assert names([section])[0] == "start to SSH ready"
    assert set(section.rows[3].series) == {"ours", "own channel", "one shell", "labgrid"}


def test_reports_are_measured_without_a_board(monkeypatch: pytest.MonkeyPatch) -> None:
    few(monkeypatch, reports, CASES=30, RUNS=2, CASES_OF_RUN=3)
    monkeypatch.chdir(ROOT)
    done = CliRunner().invoke(app, ["bench", "reports", "--json"])
    assert done.exit_code == 0, done.output
    (section,) = json.loads(done.stdout)["sections"]
    assert "record of 30 cases" in [row["name"] for row in section["rows"]]
