"""`hil bisect` from the command line: killed in the middle, resumed, and with an answer in the end."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from hil.paths import HIL
from tests.cli.checkout import BOARD, ROOT, Checkout
from tests.operations.bisect.history import BUILD, make_history

if TYPE_CHECKING:
    from pathlib import Path

SUITE = """
from pathlib import Path

import pytest

@pytest.fixture
def firmware(board):
    return Path(board.target.env.config.get_image_path("firmware")).read_text()


def test_canary(firmware):
    assert "dead" not in firmware


def test_subject(firmware):
    assert "bug" not in firmware


def test_elsewhere():
    pytest.skip("only on another board")
"""
CASES = "suites/subject/test_subject.py"
SECONDS = 180.0


@pytest.fixture
def tree(tmp_path: Path) -> Checkout:
    """A tree whose board starts from what its history builds."""
    checkout = Checkout(tmp_path)
    checkout.fill()
    board = tmp_path / "boards" / "fake-board.yaml"
    board.write_text(f"{BOARD}images: {{firmware: ../build/fw/image}}\n")
    checkout.suite(SUITE)
    return checkout


def words(good: str, *more: str) -> list[str]:
    test, canary = f"{CASES}::test_subject", f"{CASES}::test_canary"
    return [
        "bisect",
        "--good",
        good,
        "--board",
        "fake-board",
        "--test",
        test,
        "--canary",
        canary,
        "--build",
        BUILD,
        *more,
    ]


def states(tree: Checkout) -> list[dict[str, Any]]:
    return [json.loads(file.read_text()) for file in tree.path.glob("reports/bisect-*/bisect.json")]


def test_a_search_that_was_killed_goes_on_where_it_was_and_names_the_change(tree: Checkout) -> None:
    names = make_history(tree.path, ["fine", "fine", "bug", "bug"])
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    search = subprocess.Popen(
        [*HIL, *words(names[0])], cwd=tree.path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + SECONDS
    while not any(state["trials"] for state in states(tree)) and time.monotonic() < deadline and search.poll() is None:
        time.sleep(0.05)
    search.send_signal(signal.SIGKILL)
    assert search.wait(SECONDS) == -signal.SIGKILL
    (before,) = states(tree)
    assert before["trials"][0]["candidate"] == names[0]
    assert before["trials"][0]["verdict"] == "good"

    (tree.path / "reports" / "bisect-9").mkdir()  # one that was killed before it could write anything
    done = tree.hil("bisect", "--resume")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "first bad: " in done.stdout
    assert "change 2" in done.stdout.partition("first bad: ")[2].splitlines()[0]
    (after,) = states(tree)
    assert after["trials"][: len(before["trials"])] == before["trials"]
    records = [line.rpartition("record in ")[2] for line in done.stdout.splitlines() if "record in " in line]
    bad, good = (json.loads((tree.path / record / "run.json").read_text()) for record in records)
    assert (bad["verdict"], good["verdict"]) == ("findings", "passed")
    assert tree.hil("bisect", "--resume").returncode == 2


def test_a_search_that_is_hung_up_on_ends_with_the_build_that_runs(tree: Checkout, tmp_path: Path) -> None:
    names = make_history(tree.path, ["fine", "bug"])
    os.mkfifo(tmp_path / "fifo")
    fifo = os.open(tmp_path / "fifo", os.O_RDWR)
    with subprocess.Popen(
        [*HIL, *words(names[0], "--build", f"echo $$ > {tmp_path}/fifo; exec sleep 60")],
        cwd=tree.path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as search:
        assert select.select([fifo], [], [], SECONDS)[0]
        build = psutil.Process(int(os.read(fifo, 100)))
        os.close(fifo)
        search.send_signal(signal.SIGHUP)
        said, _ = search.communicate(timeout=SECONDS)
    assert search.returncode == 2, said
    assert "Traceback" not in said
    assert not psutil.wait_procs([build], SECONDS)[1]
    (state,) = states(tree)  # from which it can be resumed
    assert state["trials"] == []


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--test", f"{CASES}::test_elsewhere"], "does not run on fake-board: only on another board"),
        (["--test", f"{CASES}::test_missing"], "test_missing"),
        (["--good", "no-such-revision"], "no-such-revision"),
        (["--test", ""], "--test is missing"),
    ],
)
def test_what_cannot_be_asked_is_said_in_one_line(tree: Checkout, more: list[str], says: str) -> None:
    names = make_history(tree.path, ["fine", "bug"])
    done = tree.hil(*words(names[0], *more, "--canary", ""))
    assert done.returncode == 2, done.stdout + done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr
