"""The suite of a trial: each case takes a simulated board a while, but no time of this machine's processors."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from hil.deadline import Deadline

if TYPE_CHECKING:
    from hil.session.board import Board
    from hil.target.monitor import Monitor

CASES = int(os.environ.get("HIL_TRIAL_CASES", "20"))
MILLISECONDS = int(os.environ.get("HIL_TRIAL_MILLISECONDS", "100"))
SPARE_SECONDS = 60.0
"""The margin for a busy machine."""


@pytest.fixture
def running(board: Board) -> Monitor:
    """Return the monitor of a board that is started once: cases leave nothing behind."""
    board.transition("monitor")
    monitor: Monitor = board.strategy.shell.monitor
    return monitor


@pytest.mark.parametrize("number", range(CASES))
def test_case(running: Monitor, number: int) -> None:
    """Have the board do its work."""
    # `case` is a request of simulated boards alone, so the monitor's client has no method for it.
    running._link.ask(f"case {number} {MILLISECONDS}", Deadline.after(SPARE_SECONDS + MILLISECONDS / 1000))
