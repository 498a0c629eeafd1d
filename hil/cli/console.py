"""`hil console`."""

from __future__ import annotations

import os
import select
import sys
import termios
import threading
import tty
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from hil.cli.output import print_line
from hil.cli.run import bring_up_to_date
from hil.cli.tree import DEFAULT_BOARD, Tree
from hil.deadline import Deadline
from hil.errors import ConsoleTimeout, HilError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hil.console import ByteStream

LEAVE = b"\x1d"
"""Ctrl-], as in telnet."""

GLANCE = 0.1
"""Seconds after which a silent line, and a silent keyboard, are left to see whether the other side has ended."""


def command(
    board: Annotated[str, typer.Argument(help="A board of boards/.")] = DEFAULT_BOARD,
    uart: Annotated[str, typer.Argument(help="A serial line of it (default: the first).")] = "",
    build: Annotated[bool, typer.Option("--build/--no-build", help="Bring the firmware up to date first.")] = True,
) -> None:
    """Switch a board on and talk to it over a serial line; Ctrl-] leaves and switches it off.

    The line is shown from the first byte on, also when the firmware never gets anywhere.

    Examples: hil console; hil console qemu-virt firmware
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("hil console needs a terminal", hint="hil.monitor.Monitor, to talk to a board from a program")
    chosen = Tree.here().board(board)
    if build:
        bring_up_to_date(chosen)
    from hil.drivers import boardfile

    env = boardfile.load(chosen.path)
    try:
        strategy = env.get_target().get_strategy()
        strategy.transition("flashed")
        strategy.board.on()
        stream = strategy.board.uart(uart or strategy.board.uarts[0])
        print_line(f"{board}, serial line {stream.name}; leave with Ctrl-]")
        with _raw_terminal():
            attach(stream, sys.stdin.fileno(), sys.stdout.fileno())
    finally:
        env.cleanup()
        print_line(f"\n{board} is off")


def attach(stream: ByteStream, keyboard: int, screen: int) -> None:
    """Connect a serial line with a terminal until `LEAVE` is typed. Raises what ends the line, such as `BoardDied`."""
    left = threading.Event()
    ended: list[HilError] = []

    def show() -> None:
        while not left.is_set():
            try:
                os.write(screen, stream.receive(Deadline.after(GLANCE)))
            except ConsoleTimeout:
                continue
            except HilError as error:
                ended.append(error)
                left.set()

    showing = threading.Thread(target=show, name="console", daemon=True)
    showing.start()
    try:
        while not left.is_set():
            if not select.select([keyboard], [], [], GLANCE)[0]:
                continue
            typed = os.read(keyboard, 4096)
            if not typed or LEAVE in typed:
                break
            stream.send(typed)
    finally:
        left.set()
        showing.join(timeout=1)
    if ended:
        raise ended[0]


@contextmanager
def _raw_terminal() -> Iterator[None]:
    """Pass every key through, Ctrl-C too."""
    kept = termios.tcgetattr(sys.stdin)
    tty.setraw(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, kept)
