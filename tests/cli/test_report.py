"""`hil report` makes everything anew from a record, wherever that is, and says what it cannot read."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest

from hil import cli
from tests.cli.checkout import Checkout
from tests.report.runs import Lab, case

RUN = ("run", "--board", "fake-board")
FILES = ("junit.xml", "report.html")
TESTS = """
def test_says(monitor): monitor.say(b"hello \\x1b[2J\\n")
def test_fails(monitor): assert 1 == 2
def test_is_lost(monitor): monitor.fail("BoardDied", "gone")
@pytest.mark.skip(reason="not today")
def test_is_skipped(): pass
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree with two runs; in the latest something of each kind happened."""
    checkout = Checkout(tmp_path_factory.mktemp("ran"))
    checkout.fill()
    checkout.hil(*RUN)
    checkout.suite(TESTS)
    assert checkout.hil(*RUN).returncode == 3
    return checkout.path


@pytest.fixture
def latest(ran: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of a copy of that run; the current directory is its tree."""
    tree = tmp_path / "tree"
    shutil.copytree(ran, tree, symlinks=True)
    monkeypatch.chdir(tree)
    return (tree / "reports" / "latest").resolve()


@dataclass
class Done:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


Hil = Callable[..., Done]


@pytest.fixture
def hil(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Hil:
    """The command line, in this process."""

    def run(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["hil", "report", *arguments])
        capfd.readouterr()
        try:
            cli.main()
        except SystemExit as end:
            return Done(int(end.code or 0), *capfd.readouterr())
        pytest.fail("the command line always exits")

    return run


def test_reports_are_rebuilt_byte_for_byte_also_elsewhere(hil: Hil, latest: Path, tmp_path: Path) -> None:
    made = [(latest / name).read_bytes() for name in FILES]
    copied = tmp_path / "from another machine"
    shutil.move(latest, copied)
    for name in FILES:
        (copied / name).unlink()
    done = hil(str(copied))
    assert done.code == 0, done.err
    assert [(copied / name).read_bytes() for name in FILES] == made
    assert "fake-board, firmware unknown: infrastructure (exit code 3)" in done.out


def test_no_tree_is_needed_for_a_run_that_was_copied(
    hil: Hil, latest: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    shutil.copytree(latest, elsewhere / "copy")
    monkeypatch.chdir(elsewhere)
    assert hil("copy").code == 0
    assert hil("--compare", "copy", "copy").code == 0
    assert hil("latest").code == 2


def test_files_and_json_go_where_they_are_wanted(hil: Hil, latest: Path) -> None:
    made = [(latest / name).read_bytes() for name in FILES]
    for name in FILES:
        (latest / name).write_bytes(b"")
    done = hil("--junit", "j.xml", "--html", "h.html", "--json")
    assert [(latest.parents[1] / name).read_bytes() for name in ("j.xml", "h.html")] == made
    assert json.loads(done.out)["id"] == latest.name
    assert [(latest / name).read_bytes() for name in FILES] == [b"", b""]
    assert hil("--junit", "-").out.encode() == made[0]


def test_a_killed_run_gets_reports_of_what_it_had_done(hil: Hil, latest: Path) -> None:
    events = (latest / "events.jsonl").read_text().splitlines(keepends=True)
    done = [number for number, line in enumerate(events) if json.loads(line)["event"] == "case"][1]
    (latest / "events.jsonl").write_text("".join(events[: done + 1]) + events[done + 1][:9])
    started = json.loads(events[0])
    record = json.loads((latest / "run.json").read_text())
    (latest / "run.json").write_text(
        json.dumps({**record, **{name: started[name] for name in record if name in started}})
    )
    shown = hil()
    assert shown.code == 3, shown.err
    assert "killed (exit code 3)" in shown.out
    assert "was killed before its end" in shown.out
    assert "not run: 2 (the run ended before it)" in shown.out
    root = ElementTree.parse(latest / "junit.xml").getroot()
    skipped = {case.get("name"): [kind.get("type") for kind in case] for case in root.iter("testcase")}
    assert skipped["test_is_lost"] == ["not-run"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"schema": 4, "id": "r', "run.json"),
        ("[]", "run.json"),
        ("{}", "run.json"),
        ('{"schema": 99}', "schema 99"),
        ('{"schema": 4}', "run.json"),
        ("\x00\xff", "run.json"),
    ],
)
def test_what_is_no_record_is_said_in_one_line(hil: Hil, latest: Path, content: str, message: str) -> None:
    (latest / "run.json").write_bytes(content.encode("latin-1"))
    (latest / "events.jsonl").unlink()
    done = hil()
    assert done.code == 2
    assert message in done.err.splitlines()[0]
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nosuch",), "there is no run 'nosuch'"),
        (("latest", "latest"), "several runs were named"),
        (("--compare", "latest"), "takes two runs"),
        (("latest~2",), "older than the oldest"),
        (("--compare", "latest", "nosuch"), "there is no run 'nosuch'"),
        (("--history", "latest"), "takes the newest runs"),
        (("--merge", "latest"), "-o DIR"),
        (("--merge", "latest", "-o", "whole"), "not two runs"),
        (("--junit", "no/such/folder/j.xml"), "cannot be written"),
        (("--history", "-n", "0"), "-n"),
        (("suites",), "holds no record"),
        (("--compare", "--history"), "exclude each other"),
        (("--history", "--junit", "j.xml"), "JUnit is a report on one run"),
        (("--history", "--board", "nosuch"), "there is no run on 'nosuch'"),
    ],
)
def test_the_impossible_is_refused_with_what_to_try(
    hil: Hil, latest: Path, arguments: tuple[str, ...], message: str
) -> None:
    assert latest.is_dir()
    done = hil(*arguments)
    assert done.code == 2
    assert message in done.err
    assert "Traceback" not in done.err


def test_runs_are_compared_shown_side_by_side_and_merged(hil: Hil, latest: Path) -> None:
    lab = Lab(latest.parent)
    for outcome in ("passed", "failed"):
        lab.run(case("test_a", outcome))
    done = hil("--compare", "--html", "c.html")
    assert done.code == 0
    assert "new failures: 1" in done.out
    assert hil("--compare", "--fail-on-new").code == 1
    assert hil("--compare", "latest", "latest~1", "--fail-on-new").code == 0
    assert json.loads(hil("--compare", "--json").out)["worse"] is True
    shown = hil("--history", "--board", "rpi4", "--html", "h.html").out
    assert any(line.startswith(".F") and line.endswith("test_a") for line in map(str.rstrip, shown.splitlines()))
    assert [run["verdict"] for run in json.loads(hil("--history", "-n", "2", "--json").out)["runs"]] == [
        "passed",
        "findings",
    ]
    assert hil("--merge", "latest", "latest~1", "-o", "whole", "--junit", "j.xml").code == 0
    assert Path("j.xml").read_bytes() == Path("whole/junit.xml").read_bytes()
    for name in ("c.html", "h.html", "whole/report.html"):
        assert Path(name).read_text().startswith("<!DOCTYPE html>")
