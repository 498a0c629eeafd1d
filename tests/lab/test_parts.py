"""When a part of the lab dies or stops, runners are told that it was the lab, and no board ever has two owners."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.lab.laboratory import TIMEOUT_SECONDS, Laboratory
from tests.processes import still_running

if TYPE_CHECKING:
    from pathlib import Path


def test_a_coordinator_that_is_killed_ends_leases_and_no_board_has_two_owners(laboratory: Laboratory) -> None:
    first = laboratory.runner("board=simulated name=simulated-1")
    first.wait_for_lease()
    laboratory.until(lambda: len(laboratory.users("simulated-1")) == 1, "the first has used the board")
    laboratory.kill("coordinator")
    second = laboratory.runner("board=simulated name=simulated-1")
    said = first.says()
    assert (said["type"], "the coordinator is gone" in said["message"]) == ("LeaseLost", True)
    assert second.wait_for_lease() == "simulated-1"
    laboratory.until(lambda: len(laboratory.users("simulated-1")) == 2, "both have used the board")
    laboratory.assert_one_user_at_a_time()


def test_a_board_is_not_leased_while_a_runner_that_lost_it_may_still_use_it(laboratory: Laboratory) -> None:
    first = laboratory.runner("board=simulated name=simulated-1")
    first.wait_for_lease()
    before = len(laboratory.keeper_says("simulated-1: "))
    os.kill(first.process.pid, signal.SIGSTOP)  # it cannot let go
    laboratory.kill("coordinator")
    second = laboratory.runner("board=simulated name=simulated-1")
    second.wait_for_lease()
    said = laboratory.keeper_says("simulated-1: ")[before:]
    assert ["the lease of" in said[0], "leased to" in said[-1]] == [True, True], said
    os.kill(first.process.pid, signal.SIGCONT)
    assert first.says()["type"] == "LeaseLost"


def test_a_coordinator_that_stops_answering_ends_leases(laboratory: Laboratory) -> None:
    runner = laboratory.runner()
    runner.wait_for_lease()
    coordinator = laboratory.pid("coordinator")
    os.kill(coordinator, signal.SIGSTOP)
    try:
        assert runner.says()["type"] == "LeaseLost"
    finally:
        os.kill(coordinator, signal.SIGCONT)
    laboratory.await_all_free()
    assert laboratory.switched_on() == set()


def test_an_exporter_that_is_killed_ends_the_leases_of_its_boards_only(laboratory: Laboratory) -> None:
    of_first = laboratory.runner("board=simulated name=simulated-2")  # simulated-1 exports those with even numbers
    of_second = laboratory.runner("board=simulated name=simulated-1")
    assert {of_first.wait_for_lease(), of_second.wait_for_lease()} == {"simulated-1", "simulated-2"}
    laboratory.kill("simulated-1")
    said = of_first.says()
    assert (said["type"], "its exporter is gone" in said["message"]) == ("LeaseLost", True)
    of_second.let_go()
    assert of_second.says()["said"] == "released"
    laboratory.await_all_free()


def test_a_keeper_that_is_killed_and_started_again_leaves_boards_to_their_runners(laboratory: Laboratory) -> None:
    runner = laboratory.runner()
    place = runner.wait_for_lease()
    before = laboratory.place(place).holder
    keeper = laboratory.pid("keeper")
    laboratory.kill("keeper")
    laboratory.until(lambda: laboratory.pid("keeper") != keeper and laboratory.places(), "the keeper is back")
    laboratory.until(lambda: laboratory.place(place).holder == before, "the lease is known to it")
    done = len(laboratory.journal())
    laboratory.until(lambda: len(laboratory.journal()) > done, "the board is used on")
    runner.let_go()
    assert runner.says()["said"] == "released"


def test_a_runner_that_dies_while_the_keeper_is_away_loses_its_board_all_the_same(laboratory: Laboratory) -> None:
    runner = laboratory.runner()
    place = runner.wait_for_lease()
    laboratory.kill("keeper")
    runner.kill()
    laboratory.until(lambda: laboratory.places() and not laboratory.place(place).holder, "the place is free", 60)
    laboratory.await_all_free()
    assert place not in laboratory.switched_on()


def test_a_run_whose_board_is_kicked_says_that_it_was_the_lab(laboratory: Laboratory) -> None:
    run = laboratory.start_cases("board=simulated name=simulated-3", cases=8, milliseconds=500)
    laboratory.until(lambda: laboratory.users("simulated-3"), "a case has run")
    laboratory.client("-p", "simulated-3", "release", "--kick")
    assert run.wait(120) == 3
    record = laboratory.latest_record()
    assert record["verdict"] == "infrastructure"
    assert "LeaseLost" in str(record)  # of a case, or of the board when none was running


def test_a_run_that_is_killed_gives_back_its_boards(laboratory: Laboratory) -> None:
    run = laboratory.start_cases("board=simulated", cases=200, milliseconds=200)
    laboratory.until(lambda: all(place.holder for place in laboratory.places().values()), "the run has all boards")
    laboratory.until(lambda: laboratory.journal(), "a case has run")
    workers = psutil.Process(run.pid).children(recursive=True)
    run.kill()
    assert still_running(workers, 5) == []  # a board that is free must not be touched
    laboratory.until(lambda: not any(place.holder for place in laboratory.places().values()), "all are free", 30)
    assert laboratory.switched_on() == set()
    laboratory.await_all_free()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_end_of_the_lab_leaves_no_process_behind(tmp_path: Path, number: signal.Signals) -> None:
    with Laboratory.up(tmp_path, boards=1, exporters=1) as laboratory:
        processes = laboratory.processes()
        laboratory.process.send_signal(number)
        assert still_running(processes, TIMEOUT_SECONDS) == []
