"""Fixtures: an unmodified Linux that the monitor runs in a VM, whose SMCs go to EL3."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from hil.linux import DirectGuest
    from hil.session.board import Board


@pytest.fixture(scope="session")
def booted_direct_guest(board: Board) -> tuple[DirectGuest, Path]:
    """A guest of the monitor that has just booted, and the saved state of the board at that moment."""
    from hil.linux import DirectGuest

    board.require("monitor")
    guest = DirectGuest.start(board.fork(), board.guest_images())
    guest.wait_ready()
    return guest, board.strategy.keep()


@pytest.fixture
def direct_guest(board: Board, booted_direct_guest: tuple[DirectGuest, Path]) -> DirectGuest:
    """An unmodified Linux in a VM of the monitor, with a vTPM, right after its boot."""
    guest, kept = booted_direct_guest
    return guest.resumed(board.fork(kept))
