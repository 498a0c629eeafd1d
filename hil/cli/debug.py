"""`hil debug`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from hil.board.file.boardfile import EMULATOR
from hil.cli import complete
from hil.cli.output import print_line
from hil.errors import UsageError
from hil.lab.boards.hold import held
from hil.session.tree import DEFAULT_BOARD, Tree

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def command(
    board: Annotated[str, typer.Argument(help="A board of boards/.", autocompletion=complete.boards)] = DEFAULT_BOARD,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="GDB", help="Behind --: arguments for gdb, such as -ex 'break vtpm_dispatch'."),
    ] = None,
    state: Annotated[str, typer.Option(help="The state to debug the board in (default: the last one).")] = "",
    hold: Annotated[
        bool, typer.Option("--hold", help="Stop before the first instruction; emulated boards only.")
    ] = False,
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="Wait for a debugger at this port of the loopback, in place of our gdb."),
    ] = None,
    build: Annotated[bool, typer.Option("--build/--no-build", help="Bring the firmware up to date first.")] = True,
) -> None:
    """Debug a board with gdb: EL3, EL2, EL1 and the engine, each with its own symbols; the board is off afterwards.

    gdb connects to QEMU itself, or to a real board through OpenOCD, as its board file says. The commands `level` and
    `levels` show the exception level that processors are at.

    Examples:
        hil debug

        hil debug qemu-virt --hold -- -ex 'break bl31_main' -ex continue

        hil debug qemu-virt-linux --state firmware

        hil debug qemu-virt --port 3333
    """
    from hil.session import gdb

    chosen = Tree.here().board(board)
    if port is None:
        gdb.program()
    if hold and chosen.kind != EMULATOR:
        raise UsageError(
            f"{board} is no emulator: it cannot be held before its first instruction", hint="without --hold"
        )
    if build:
        from hil.board.builds import bring_up_to_date

        bring_up_to_date(chosen)
    with held(chosen):
        raise typer.Exit(_debug(chosen.path, state, arguments or (), hold=hold, port=port))


def _debug(file: Path, state: str, arguments: Sequence[str], *, hold: bool, port: int | None) -> int:
    """Bring the board into a state, and debug it; returns the exit code."""
    from hil.board.drivers.debugport import debug_port
    from hil.board.file import labgridenv
    from hil.lab.places import connect_places
    from hil.record.transcript import MemorySink
    from hil.session import gdb
    from hil.session.board import Board, open_board

    environment = labgridenv.load(file)
    connect_places(environment)
    try:
        board = open_board(labgridenv.target(environment), None, MemorySink(), Board)
        if hold:
            board.strategy.transition("flashed")
            board.strategy.board.hold()
        else:
            board.strategy.transition(state or board.strategy.plan.last)
        if port is None:
            return int(gdb.debug(board, arguments) != 0) * 2
        with debug_port(board.target, board.strategy.board, tcp=port):
            for elf in gdb.elfs_of(board):
                print_line(f"{gdb.LEVELS.get(elf.name, elf.name)}: {elf.path}")
            print_line(f"{file.stem} waits for a debugger at 127.0.0.1:{port}; Enter switches it off")
            sys.stdin.readline()
        return 0
    finally:
        environment.cleanup()
