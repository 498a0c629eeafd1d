"""`hil console`."""

from __future__ import annotations

import os
import select
import sys
import termios
import threading
import tty
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Annotated

import typer

from hil.board.file.boot import LINUX
from hil.cli import complete
from hil.cli.output import print_line
from hil.deadline import Deadline
from hil.errors import ConsoleClosed, ConsoleTimeout, HilError, UsageError
from hil.lab.boards.hold import held
from hil.session.tree import DEFAULT_BOARD, Tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hil.board.file.boardfile import BoardFile
    from hil.board.strategy import BoardStrategy
    from hil.console import ByteStream

LEAVE = b"\x1d"
"""The key that leaves the console: Ctrl-], as in telnet."""

SSH = "ssh"
"""In place of a serial line: a shell of the Linux that the board boots into."""
SHELL_SECONDS = 30.0
GUEST = "guest"
"""In place of a serial line: a shell of a guest of that Linux."""

POLL_SECONDS = 0.1
"""How often each direction checks whether the other one has ended."""


def command(
    board: Annotated[str, typer.Argument(help="A board of boards/.", autocompletion=complete.boards)] = DEFAULT_BOARD,
    uart: Annotated[
        str, typer.Argument(help="A serial line of the board (default: the first), or ssh, or guest.")
    ] = "",
    name: Annotated[str, typer.Argument(help="With guest: its name; it is started if it does not run.")] = "guest",
    build: Annotated[bool, typer.Option("--build/--no-build", help="Bring the firmware up to date first.")] = True,
) -> None:
    """Switch a board on and open a console: a serial line, a shell of its Linux, or a guest; Ctrl-] leaves.

    A serial line is shown from the first byte on, even if the firmware does not boot. The board is off afterwards.

    Examples:
        hil console

        hil console qemu-virt firmware

        hil console qemu-virt-linux ssh

        hil console qemu-virt-linux guest
    """
    chosen = Tree.here().board(board)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("hil console needs a terminal", hint="from a program, use hil.target.monitor.Monitor")
    if build:
        from hil.board.builds import bring_up_to_date

        bring_up_to_date(chosen)
    with held(chosen):
        _talk(chosen, uart, name)


def _talk(board: BoardFile, uart: str, name: str) -> None:
    from hil.board.file import labgridenv
    from hil.lab.places import connect_places

    env = labgridenv.load(board.path)
    connect_places(env)
    try:
        strategy = env.get_target().get_strategy()
        stream = _stream(strategy, uart, name)
        print_line(f"{board.name}, {stream.name}; leave with Ctrl-]")
        may_end = (ConsoleClosed,) if uart in (SSH, GUEST) else ()
        with suppress(*may_end), _raw_terminal():
            attach(stream, sys.stdin.fileno(), sys.stdout.fileno())
    finally:
        env.cleanup()
        print_line(f"\n{board.name} is off")


def _stream(strategy: BoardStrategy, uart: str, name: str) -> ByteStream:
    if uart == SSH:
        return _shell(strategy)
    return _guest(strategy, name) if uart == GUEST else _serial_line(strategy, uart)


def _serial_line(strategy: BoardStrategy, name: str) -> ByteStream:
    """Switch the board on and return one of its serial lines."""
    if name and name not in strategy.board.uarts:
        raise UsageError(
            f"{strategy.board.board} has no serial line `{name}`", hint=" or ".join([*strategy.board.uarts, SSH])
        )
    strategy.transition("flashed")
    strategy.board.on()
    line: ByteStream = strategy.board.uart(name or strategy.board.uarts[0])
    return line


def _shell(strategy: BoardStrategy) -> ByteStream:
    """Boot the board until it has SSH, and return a shell with the type and size of our terminal."""
    state = strategy.state_with("ssh")
    if not state:
        raise UsageError("no state of this board has SSH", hint=f"a serial line: {', '.join(strategy.board.uarts)}")
    strategy.transition(state)
    columns, lines = os.get_terminal_size()
    shell: ByteStream = strategy.driver_of(state).session.shell(
        Deadline.after(SHELL_SECONDS), terminal=os.environ.get("TERM", "vt100"), columns=columns, lines=lines
    )
    return shell


def _guest(strategy: BoardStrategy, name: str) -> ByteStream:
    """Boot the board into Linux and return a shell of a guest, which is started with a vTPM if it does not run."""
    from hil.linux import Guest, Host

    if LINUX not in strategy.plan.states or strategy.ssh is None:
        raise UsageError(
            "this board does not boot into a Linux of ours, which has the guests",
            hint=f"a serial line: {', '.join(strategy.board.uarts)}",
        )
    strategy.transition(LINUX)
    host = Host(strategy, strategy.ssh)
    guest = Guest.running(host, name)
    if guest is None:
        print_line(f"starting guest {name}")
        guest = Guest.start(host, name)
        guest.wait_ready()
    guest.shell()
    console: ByteStream = guest.process
    return console


def attach(stream: ByteStream, keyboard: int, screen: int) -> None:
    """Connect a stream to a terminal until `LEAVE` is typed. Raises what ends the stream, such as `BoardDied`."""
    left = threading.Event()
    ended: list[HilError] = []

    def show() -> None:
        while not left.is_set():
            try:
                os.write(screen, stream.receive(Deadline.after(POLL_SECONDS)))
            except ConsoleTimeout:
                continue
            except OSError:  # the terminal is gone
                left.set()
            except HilError as error:
                ended.append(error)
                left.set()

    showing = threading.Thread(target=show, name="console", daemon=True)
    showing.start()
    try:
        while not left.is_set():
            if not select.select([keyboard], [], [], POLL_SECONDS)[0]:
                continue
            try:
                typed = os.read(keyboard, 4096)
            except OSError:  # the terminal is gone
                break
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
    """Put the terminal into raw mode, so that every key goes to the board, even Ctrl-C."""
    kept = termios.tcgetattr(sys.stdin)
    tty.setraw(sys.stdin)
    try:
        yield
    finally:
        with suppress(termios.error):  # the terminal may be gone
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, kept)
