"""What is told of a run that goes on: whole lines, each once, and nothing from outside of its directory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.errors import ExitCode
from hil.operations.serve.tail import CONSOLE_BYTES, RunTail, Tail
from hil.record import BoardOfRun, Provenance, Run
from hil.record.transcript import DirectorySink

if TYPE_CHECKING:
    from pathlib import Path


def test_a_line_is_told_once_it_is_whole(tmp_path: Path) -> None:
    file = tmp_path / "monitor.log"
    file.write_bytes(b"one\ntw")
    tail = Tail(file)
    assert tail.lines() == ["one"]
    with file.open("ab") as more:
        more.write(b"o\n\x1b[31m\xff\n")
    assert tail.lines() == ["two", "\\x1b[31m\\xff"]
    assert tail.lines() == []


def test_of_a_long_past_the_end_is_told_without_the_line_that_began_before(tmp_path: Path) -> None:
    file = tmp_path / "monitor.log"
    file.write_bytes(b"".join(b"line %06d\n" % number for number in range(10_000)))
    told = Tail(file, 100).lines()
    assert told[-1] == "line 009999"
    assert all(len(line) == len("line 000000") for line in told)
    assert len(told) == 8


def test_a_run_is_told_from_its_begin_to_its_end(tmp_path: Path) -> None:
    run = Run(tmp_path, BoardOfRun("rpi4", Provenance()))
    tail = RunTail(run.path)
    assert [update.kind for update in tail.updates()] == ["happened"]
    console = DirectorySink(run.path).transcript("rpi4", "monitor")
    console.received(b"x" * 2 * CONSOLE_BYTES + b"\nready\n")
    run.begin("suites/a.py::test_a")
    output, happened = tail.updates()
    assert output.data["name"] == "rpi4/monitor"
    assert [line.rpartition("< ")[2] for line in output.data["lines"]] == ["ready"]
    assert [event["id"] for event in happened.data["events"]] == ["suites/a.py::test_a"]
    run.finish(ExitCode.PASSED)
    assert [update.kind for update in tail.updates()] == ["happened", "finished"]
    console.close()


def test_a_console_that_lies_elsewhere_is_not_read(tmp_path: Path) -> None:
    run = Run(tmp_path / "reports", BoardOfRun("rpi4", Provenance()))
    (tmp_path / "secret").mkdir()
    for name in ("secret.log", "secret.raw"):
        (tmp_path / "secret" / name).write_text("a secret\n")
    (run.path / "rpi4").symlink_to(tmp_path / "secret")
    assert [update.kind for update in RunTail(run.path).updates()] == ["happened"]
    run.finish(ExitCode.PASSED)
