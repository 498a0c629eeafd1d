"""The runner breaks a copy, of what is there now, and leaves nothing behind, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.mutants.toy import CHECKOUT, Toy, mutant

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SECONDS = 60.0
CAUGHT = mutant("caught", "2 * number", "3 * number", "test_double")


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    return Toy.make(tmp_path / "project")


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_what_is_not_committed_is_part_of_the_copy(toy: Toy) -> None:
    thing = toy.path / "thing.py"
    thing.write_text(thing.read_text().replace("2 * number", "number + number"))
    (toy.path / "tests" / "test_new.py").write_text(
        "from thing import double\n\ndef test_new():\n    assert double(3) == 6\n"
    )
    (toy.path / "tests" / "test_thing.py").unlink()
    toy.write_list(mutant("new", "number + number", "number") | {"tests": ["tests"]})
    assert toy.run().returncode == 0
    assert toy.result()["mutants"][0]["detail"] == "test_new"
    assert "number + number" in thing.read_text()


def test_mutants_of_one_file_are_told_apart_by_python_too(toy: Toy) -> None:
    """Equal sizes, written within a second: a module in a cache must not pass for its successor."""
    toy.write_list(
        CAUGHT,
        mutant("harmless", "2 * number", "2 *number ", "test_double"),
        mutant("again", "2 * number", "4 * number", "test_double"),
    )
    toy.run()
    assert [judged["verdict"] for judged in toy.result()["mutants"]] == ["killed", "survived", "killed"]


def test_a_process_with_an_environment_of_its_own_runs_the_broken_code(tmp_path: Path) -> None:
    """The package is installed into the environment from the checkout, as `pip install --editable` does."""
    toy = Toy.make(tmp_path / "project")
    (toy.path / "tests" / "test_thing.py").write_text(PROCESS_TEST)
    toy.write_list(CAUGHT | {"tests": ["tests"]})
    assert toy.run(editable=tmp_path / "environment").returncode == 0
    assert toy.result()["mutants"][0]["detail"] == "test_in_a_process"


def test_a_test_sees_the_end_of_a_process_that_has_lost_its_parent(toy: Toy) -> None:
    """The runner adopts it; if that let it lie, it would look alive for as long as the test runs."""
    (toy.path / "tests" / "test_thing.py").write_text(ORPHAN_TEST)
    toy.write_list(CAUGHT | {"tests": ["tests"]})
    assert toy.run().returncode == 0
    assert toy.result()["mutants"][0]["verdict"] == "killed"


def test_ids_and_lists_choose_mutants(toy: Toy) -> None:
    toy.write_list(CAUGHT, CAUGHT | {"id": "second"}, name="one")
    toy.write_list(CAUGHT | {"id": "third"}, name="two")
    toy.run("--only", "second,two")
    assert [judged["id"] for judged in toy.result()["mutants"]] == ["second", "third"]


@pytest.mark.parametrize(
    ("entries", "options", "complaint"),
    [
        ([CAUGHT, CAUGHT], (), "the id caught is also used"),
        ([CAUGHT | {"tests": []}], (), "mutant caught: name the tests that should notice it, or an excuse"),
        ([CAUGHT | {"tests": ["tests", "suites/a.py"]}], (), "not by both"),
        ([CAUGHT | {"new": CAUGHT["old"]}], (), "`new` must differ"),
        ([CAUGHT | {"timeout": 3}], (), "unknown field `timeout`"),
        ([CAUGHT], ("--only", "caugt"), "no mutant and no list is called caugt; the lists are toy"),
        ([], (), "toy.toml"),
    ],
)
def test_a_list_that_cannot_be_used_is_refused_with_the_reason(
    toy: Toy, entries: list[dict[str, object]], options: tuple[str, ...], complaint: str
) -> None:
    toy.write_list(*entries)
    ended = toy.run(*options)
    assert ended.returncode == 2
    assert complaint in ended.stderr
    assert "Traceback" not in ended.stderr


PROCESS_TEST = """
import subprocess, sys

def test_in_a_process(tmp_path):
    code = "from thing import double; print(double(3))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, env={}, capture_output=True, text=True, check=True)
    assert done.stdout == "6\\n"
"""
ORPHAN_TEST = """
import subprocess, time
from pathlib import Path
from thing import double

def test_orphan():
    parent = subprocess.run(["sh", "-c", "sleep 0.2 >&2 & echo $!"], stdout=subprocess.PIPE, text=True)
    end = time.monotonic() + 20
    while Path("/proc", parent.stdout.strip()).exists():
        assert time.monotonic() < end
        time.sleep(0.05)
    assert double(3) == 6
"""
SLOW_TEST = """
import subprocess, sys, time
from thing import double

def test_slow():
    if double(3) != 6:
        subprocess.run([sys.executable, "launch.py"])
        time.sleep(300)
"""
LAUNCH = """
import subprocess, sys
subprocess.Popen([sys.executable, "orphan.py"], start_new_session=True)
"""
ORPHAN = """
import os, time
with open({begun!r}, "w") as file:
    file.write(str(os.getpid()))
time.sleep(300)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_no_copy_and_no_process_behind(toy: Toy, tmp_path: Path, number: int) -> None:
    """What the tests started goes, too, even if it has left their session and lost its parent."""
    begun = tmp_path / "begun"
    (toy.path / "tests" / "test_slow.py").write_text(SLOW_TEST)
    (toy.path / "launch.py").write_text(LAUNCH)
    (toy.path / "orphan.py").write_text(ORPHAN.format(begun=str(begun)))
    toy.write_list(CAUGHT, CAUGHT | {"id": "slow", "tests": ["tests/test_slow.py"], "limit": 200.0})
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    runner = subprocess.Popen(
        toy.command(),
        cwd=CHECKOUT,
        env=os.environ | {"TMPDIR": str(scratch)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    until(lambda: begun.exists() and begun.read_text() != "")
    runner.send_signal(number)
    said, _ = runner.communicate(timeout=SECONDS)
    assert runner.returncode == 130, said
    assert not psutil.pid_exists(int(begun.read_text()))
    assert list(scratch.iterdir()) == []
    assert [judged["verdict"] for judged in toy.result()["mutants"]] == ["killed"]
    assert "2 * number" in (toy.path / "thing.py").read_text()
