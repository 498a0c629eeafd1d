"""Several boards of a lab for one test: all of them or none, and no two runs wait for each other for ever."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from hil.deadline import Deadline
from hil.lab import seatset
from hil.lab.errors import NoBoardFree
from hil.lab.seats import seat_sets
from hil.paths import HIL
from tests.lab.laboratory import ROOT, TIMEOUT_SECONDS

if TYPE_CHECKING:
    from pathlib import Path

    from hil.lab.seatset import SeatSet
    from tests.lab.laboratory import Laboratory

ROUNDS = 3
TALK = """
import pytest

@pytest.mark.boards("client", "server")
def test_both(boards):
    places = {board.board.target.get_resource("RemotePlace").name for board in boards.values()}
    for board in boards.values():
        assert board.monitor
        assert board.board.stage == "monitor"
    assert len(places) == 2
"""


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up what is held, and come back, after a short while."""
    monkeypatch.setattr(seatset, "HOLD_SECONDS", 0.5)
    monkeypatch.setattr(seatset, "PAUSE_SECONDS", 1.0)


def wanted(laboratory: Laboratory, *places: int) -> SeatSet:
    tags = {f"role{place}": f"board=simulated,name=simulated-{place}" for place in places}
    return seat_sets(laboratory.address, ROOT, tags)[0]


@pytest.mark.usefixtures("soon")
def test_two_runs_that_want_each_others_boards_both_get_them(laboratory: Laboratory) -> None:
    together = threading.Barrier(2)

    def use(*places: int) -> int:
        done = 0
        for _ in range(ROUNDS):
            together.wait(TIMEOUT_SECONDS)
            seats = wanted(laboratory, *places)
            seats.acquire(Deadline.after(TIMEOUT_SECONDS))
            held = {seat.place for seat in seats.members.values()}
            assert held == {f"simulated-{place}" for place in places}
            done += 1
            seats.release()
        return done

    with ThreadPoolExecutor() as pool:
        assert [*pool.map(lambda places: use(*places), [(1, 2), (2, 1)])] == [ROUNDS, ROUNDS]
    laboratory.await_all_free()


@pytest.mark.usefixtures("soon")
def test_a_set_that_cannot_be_had_holds_nothing(laboratory: Laboratory) -> None:
    runner = laboratory.runner("board=simulated name=simulated-2")
    runner.wait_for_lease()
    seats = wanted(laboratory, 1, 2)
    with pytest.raises(NoBoardFree):
        seats.acquire(Deadline.after(2))
    laboratory.until(lambda: laboratory.place("simulated-1").state == "free", "the other board is free")


def test_a_run_has_a_board_of_the_pool_for_each_role(laboratory: Laboratory, tmp_path: Path) -> None:
    (tmp_path / "test_both.py").write_text(TALK)
    pools = ("--pool", "client:board=simulated", "--pool", "server:board=simulated")
    reports = tmp_path / "reports"
    done = subprocess.run(
        [*HIL, "run", "--no-build", *pools, str(tmp_path / "test_both.py"), f"--hil-reports={reports}"],
        cwd=ROOT,
        env={**os.environ, "LG_COORDINATOR": str(laboratory.address)},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    record = json.loads((reports / "latest" / "run.json").read_text())
    assert record["counts"]["passed"] == 1
    assert [role["role"] for role in record["boards"][0]["roles"]] == ["client", "server"]
    laboratory.await_all_free()
