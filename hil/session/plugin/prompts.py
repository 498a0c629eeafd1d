"""Fixtures: prompts, consoles and SSH of boards with any firmware.

A board has what a state of its file has a driver for. Each test starts from the moment at which the state is reached.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from hil.linux import Machine
    from hil.session.plugin.board import Board
    from hil.target.console import Console, Prompt


@pytest.fixture
def console(board: Board, request: pytest.FixtureRequest) -> Console:
    """The main serial line in the last state of the board, or in the one that the marker `state` names."""
    mark = request.node.get_closest_marker("state")
    return board.fork_console(str(mark.args[0]) if mark else "")


@pytest.fixture
def prompt(board: Board) -> Prompt:
    """A prompt that is none of the kinds below: of Zephyr, of a boot loader, of a monitor."""
    return board.fork_prompt("prompt")


@pytest.fixture
def uboot(board: Board) -> Prompt:
    """The prompt of U-Boot."""
    return board.fork_prompt("uboot")


@pytest.fixture
def uefi_shell(board: Board) -> Prompt:
    """The shell of UEFI."""
    return board.fork_prompt("uefi_shell")


@pytest.fixture
def shell(board: Board) -> Prompt:
    """The shell of an operating system on a serial line, after the login."""
    return board.fork_prompt("shell")


@pytest.fixture
def ssh(board: Board) -> Machine:
    """The operating system of the board, over SSH: commands and files."""
    return board.fork_ssh()
