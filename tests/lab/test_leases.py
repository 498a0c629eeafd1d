"""A board is one runner's at a time, and nobody's for long when its runner is gone."""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from hil.deadline import Deadline
from hil.lab.client import lease_board
from hil.lab.errors import NoBoardFree
from tests.lab.laboratory import TIMEOUT_SECONDS

if TYPE_CHECKING:
    import pytest

    from tests.lab.laboratory import Laboratory

ACQUIRERS = 50


def test_a_released_board_is_switched_off_and_free(laboratory: Laboratory) -> None:
    runner = laboratory.runner()
    place = runner.wait_for_lease()
    assert laboratory.place(place).state.startswith("held by ")
    laboratory.until(lambda: place in laboratory.switched_on(), "the board is on")
    runner.let_go()
    assert runner.says()["said"] == "released"
    assert place not in laboratory.switched_on()
    assert laboratory.place(place).state == "free"


def test_a_runner_that_is_killed_loses_its_board_which_is_off_before_it_is_free(laboratory: Laboratory) -> None:
    runner = laboratory.runner()
    place = runner.wait_for_lease()
    laboratory.until(lambda: place in laboratory.switched_on(), "the board is on")
    runner.kill()
    laboratory.until(lambda: laboratory.place(place).holder == "", "the place is free", seconds=30)
    assert place not in laboratory.switched_on()


def test_a_runner_that_is_not_heard_any_more_loses_its_board(laboratory: Laboratory) -> None:
    runner = laboratory.runner()
    place = runner.wait_for_lease()
    os.kill(runner.process.pid, signal.SIGSTOP)
    try:
        laboratory.until(lambda: laboratory.place(place).holder == "", "the place is free", seconds=30)
        assert place not in laboratory.switched_on()
    finally:
        os.kill(runner.process.pid, signal.SIGCONT)
    assert runner.says()["type"] == "LeaseLost"


def test_a_kicked_runner_touches_its_board_no_more(laboratory: Laboratory) -> None:
    runner = laboratory.runner()
    place = runner.wait_for_lease()
    laboratory.client("-p", place, "release", "--kick")
    said = runner.says()
    assert said["type"] == "LeaseLost"
    assert "somebody released it" in said["message"]
    assert runner.says()["said"] == "released"
    asked = len(laboratory.journal())
    laboratory.await_all_free()
    assert len(laboratory.journal()) == asked


def test_of_fifty_who_want_one_board_at_once_one_gets_it(laboratory: Laboratory) -> None:
    decided = threading.Barrier(ACQUIRERS + 1)

    def acquire() -> str:
        try:
            lease = lease_board(laboratory.address, {"board": "simulated", "name": "simulated-1"}, Deadline.after(10))
        except NoBoardFree as error:
            decided.wait(TIMEOUT_SECONDS)
            return error.message
        decided.wait(TIMEOUT_SECONDS)
        lease.release()
        return "leased"

    with ThreadPoolExecutor(ACQUIRERS) as acquirers:
        asked = [acquirers.submit(acquire) for _ in range(ACQUIRERS)]
        decided.wait(TIMEOUT_SECONDS)
        said = [future.result(TIMEOUT_SECONDS) for future in asked]
    assert said.count("leased") == 1
    assert sum("simulated-1: held by" in answer for answer in said) == ACQUIRERS - 1


def test_a_waiting_runner_gets_the_board_as_soon_as_it_is_free(laboratory: Laboratory) -> None:
    first = laboratory.runner("name=simulated-2 board=simulated")
    first.wait_for_lease()
    second = laboratory.runner("name=simulated-2 board=simulated")
    first.let_go()
    assert second.wait_for_lease() == "simulated-2"


def test_boards_that_nobody_has_are_not_waited_for_in_silence(laboratory: Laboratory) -> None:
    said = laboratory.runner("board=rpi9", wait=5).says()
    assert said["type"] == "NoBoardFree"
    assert said["message"].endswith("no place has the tags board=rpi9")


def test_a_jump_of_the_clock_ends_no_lease(laboratory: Laboratory, monkeypatch: pytest.MonkeyPatch) -> None:
    lease = lease_board(laboratory.address, {"board": "simulated"}, Deadline.after(TIMEOUT_SECONDS))
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 86400)
    assert not select.select([lease.alarm], [], [], 2 * lease.grant.timeouts.heartbeat)[0]
    lease.release()
    laboratory.until(lambda: laboratory.place(lease.grant.place).holder == "", "the place is free")
