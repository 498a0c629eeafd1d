"""What the fixtures of the pytest plugin give to tests, where no other public module has it, for type annotations."""

from __future__ import annotations

from hil.board.drivers.hostmemory import HostMemory
from hil.session.board import Board
from hil.session.layers import Boards, Layers
from hil.session.plugin.attachments import attach
from hil.session.plugin.fixtures import MakeManagedVtpm, MakeVtpm
from hil.target.console import Answer, Console, Prompt

__all__ = [
    "Answer",
    "Board",
    "Boards",
    "Console",
    "HostMemory",
    "Layers",
    "MakeManagedVtpm",
    "MakeVtpm",
    "Prompt",
    "attach",
]
