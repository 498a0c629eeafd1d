"""Fixtures that read like the domain: board, monitor, VM, vTPM, TPM."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.plugin.session import SESSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from labgrid import Target

    from hil.monitor import Monitor, VirtualMachine
    from hil.plugin.board import Board


@pytest.fixture(scope="session")
def board(request: pytest.FixtureRequest, target: Target) -> Iterator[Board]:
    """The board under test; switched off when the run ends."""
    board = request.config.stash[SESSION].open_board(target)
    yield board
    board.off()


@pytest.fixture
def cold_board(board: Board) -> Iterator[Board]:
    """The board, switched off: for tests that boot it themselves. Switched off again afterwards."""
    board.off()
    yield board
    board.off()


@pytest.fixture
def monitor(board: Board) -> Monitor:
    """The monitor at EL2 of a freshly booted board: every test starts from the same state."""
    return board.fork()


@pytest.fixture
def make_vm(monitor: Monitor) -> Callable[..., VirtualMachine]:
    """Create a VM; takes what `Monitor.create_vm` takes. VMs vanish with the state of the board after the test."""
    return monitor.create_vm


@pytest.fixture
def vm(make_vm: Callable[..., VirtualMachine]) -> VirtualMachine:
    """One VM with one vCPU."""
    return make_vm()
