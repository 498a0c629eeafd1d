"""A board that is not well leaves the pool with the reason, and comes back when it is well."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.errors import UsageError
from hil.lab.client import request_check
from tests.lab.laboratory import TIMEOUT_SECONDS

if TYPE_CHECKING:
    from tests.lab.laboratory import Laboratory

SILENT = "silent for 3 s after its power was switched on"
TALKS = "still talks after its power was switched off"


def test_a_board_that_fails_its_check_twice_leaves_the_pool_and_comes_back_by_itself(laboratory: Laboratory) -> None:
    with laboratory.fault("simulated-3", "dead"):
        request_check(laboratory.address, "simulated-3")
        laboratory.until(lambda: laboratory.place("simulated-3").health == "sick", "the board is out of the pool")
        assert laboratory.place("simulated-3").state.startswith(f"out of the pool: {SILENT}")
        said = laboratory.runner("board=simulated name=simulated-3", wait=10).says()
        assert said["type"] == "NoBoardFree"
        assert SILENT in said["message"]
    laboratory.until(lambda: laboratory.place("simulated-3").health == "good", "the board is back")
    assert laboratory.runner("board=simulated name=simulated-3").wait_for_lease() == "simulated-3"


def test_a_power_switch_that_only_says_that_it_switched_is_found_out(laboratory: Laboratory) -> None:
    runner = laboratory.runner("board=simulated name=simulated-1")
    runner.wait_for_lease()  # so that the board is on
    with laboratory.fault("simulated-1", "stuck"):
        runner.kill()
        request_check(laboratory.address, "simulated-1")
        laboratory.until(lambda: TALKS in laboratory.place("simulated-1").why, "the switch is found out")


def test_swapped_outlets_are_found_out(laboratory: Laboratory) -> None:
    with laboratory.fault("simulated-2", "swapped", "simulated-4"):
        request_check(laboratory.address, "simulated-2")
        laboratory.until(lambda: SILENT in laboratory.place("simulated-2").why, "the outlets are found out")


def test_a_board_that_a_runner_could_not_use_is_checked_before_anybody_gets_it(laboratory: Laboratory) -> None:
    with laboratory.fault("simulated-4", "dead"):
        run = laboratory.start_cases("board=simulated name=simulated-4", cases=1, milliseconds=50)
        assert run.wait(TIMEOUT_SECONDS) == 3
        laboratory.until(lambda: laboratory.place("simulated-4").health == "sick", "the board is out of the pool")


def test_a_board_that_the_lab_does_not_have_cannot_be_checked(laboratory: Laboratory) -> None:
    with pytest.raises(UsageError, match="there is no board 'simulated-9' here"):
        request_check(laboratory.address, "simulated-9")
