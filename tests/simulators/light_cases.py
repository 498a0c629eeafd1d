"""Tests for light boards: each takes a board a while, and this machine next to nothing. Run with `hil run --pool`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from hil.deadline import Deadline

if TYPE_CHECKING:
    from hil.session.plugin.board import Board
    from hil.target.monitor import Monitor

CASES = int(os.environ.get("LIGHT_CASES", "20"))
MILLISECONDS = int(os.environ.get("LIGHT_MILLISECONDS", "100"))


@pytest.fixture
def running(board: Board) -> Monitor:
    """The monitor of a board that is started once: cases leave nothing behind."""
    board.transition("monitor")
    monitor: Monitor = board.strategy.shell.monitor
    return monitor


@pytest.mark.parametrize("number", range(CASES))
def test_case(running: Monitor, number: int) -> None:
    running._link.ask(f"case {number} {MILLISECONDS}", Deadline.after(60 + MILLISECONDS / 1000))
