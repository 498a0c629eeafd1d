"""gdb on a board: with the symbols of every level that the board runs, EL3 to EL1, and the engine's window."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from typing import TYPE_CHECKING

from hil.board.drivers.debugport import debug_port
from hil.board.file.boardfile import BoardFile
from hil.errors import UsageError
from hil.interruption import keyboard_for_another
from hil.paths import CHECKOUT
from hil.target.crash import find_elfs
from hil.tools import missing_tool

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from hil.session.board import Board
    from hil.target.crash import Elf

GDB = "gdb-multiarch"
INSTALL = "apt-get install gdb-multiarch, or hil doctor --fix --with debugger"
LEVELS = {
    "bl31": "EL3: TF-A and the vTPM service",
    "engine": "the TPM engine, its data in the window of the instance that runs",
    "monitor": "EL2: the monitor",
    "guest": "EL1: the agent in a VM, at its virtual addresses",
}
"""What each program of a build is, in the order in which gdb looks for a name. Their addresses do not overlap."""
_COMMANDS = """\
define level
  printf "EL%d, ", ($cpsr >> 2) & 3
  info symbol $pc
end
document level
The exception level of the current processor, and the symbol that it is at.
end
define levels
  thread apply all -q level
end
document levels
The exception level of each processor, and the symbol that it is at.
end
"""


def program() -> str:
    """Return the program. Raises `MissingTool`."""
    if shutil.which(GDB) is None:
        raise missing_tool(GDB, install=INSTALL)
    return GDB


def elfs_of(board: Board) -> tuple[Elf, ...]:
    """Return the ELF files of what a board runs, as they were when its images were built, one for each program."""
    found = find_elfs(BoardFile.of_environment(board.target.env).images.values())
    named = {elf.name: elf for elf in reversed(found) if elf.intact}
    return tuple(named[name] for name in (*LEVELS, *sorted(named.keys() - LEVELS.keys())) if name in named)


def script(elfs: Iterable[Elf], port: str) -> str:
    """Return gdb's commands that load the symbols and connect to `port`."""
    lines = ["set confirm off", "set architecture aarch64", "set trust-readonly-sections on", "set remotetimeout 20"]
    lines += [f"directory {_quoted(CHECKOUT)}", f"directory {_quoted(CHECKOUT / 'firmware')}"]
    lines += [f"add-symbol-file {_quoted(elf.path)}" for elf in elfs]
    lines += [_COMMANDS, f"target remote {port}", "set confirm on", "levels"]
    return "\n".join(lines) + "\n"


def debug(board: Board, arguments: Sequence[str] = ()) -> int:
    """Run gdb on a board in the foreground until its user leaves it, and return its status; the board runs on.

    Raises `MissingTool` without gdb, and `UsageError` for a board that is off or has no port for a debugger.
    """
    gdb = program()
    if board.strategy.dead or board.stage == "off":
        raise UsageError(f"{board.name} is off: there is nothing to debug")
    with (
        tempfile.NamedTemporaryFile("w", prefix="hil-", suffix=".gdb", encoding="utf-8") as commands,
        debug_port(board.target, board.strategy.board) as port,
    ):
        commands.write(script(elfs_of(board), port))
        commands.flush()
        with keyboard_for_another():
            return subprocess.run([gdb, "-q", "-x", commands.name, *arguments], check=False).returncode


def _quoted(path: Path) -> str:
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"' if " " in str(path) else str(path)
