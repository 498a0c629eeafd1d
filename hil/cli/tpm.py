"""`hil tpm`."""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path  # noqa: TC003 - typer reads annotations
from typing import TYPE_CHECKING, Annotated

import typer

from hil.cli import complete
from hil.cli.output import print_line
from hil.errors import BoardDied, UsageError
from hil.interruption import keyboard_for_another
from hil.operations.tpmserver.server import PORT, PORTS_OF_ONE, Protocol
from hil.session.tree import DEFAULT_BOARD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hil.operations.tpmserver import BoardThread, TpmDevice, TpmServer
    from hil.session.connection import Connection

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Let TPM tools of others use vTPMs of a board: tpm2-tools, tpm2-tss, IBM's TSS, QEMU.",
)

MOST_TPMS = 64
ENDED_BY_SIGNAL = 128
"""Added to the number of the signal, as shells do (POSIX, Shell Command Language, 2.8.2)."""

BoardName = Annotated[str, typer.Argument(help="A board of boards/.", autocompletion=complete.boards)]
Startup = Annotated[bool, typer.Option("--startup/--no-startup", help="Send TPM2_Startup(CLEAR) to each vTPM.")]
Build = Annotated[bool, typer.Option("--build/--no-build", help="Bring the firmware up to date first.")]


@app.command()
def serve(
    board: BoardName = DEFAULT_BOARD,
    protocol: Annotated[
        Protocol, typer.Option(help="What clients speak: that of the TPM simulator, or that of swtpm.")
    ] = Protocol.MSSIM,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port for commands; the next one is for the platform. 0: free ones.")
    ] = PORT,
    count: Annotated[int, typer.Option(min=1, max=MOST_TPMS, help="So many VMs, each with a vTPM of its own.")] = 1,
    socket: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Also let QEMU in at a UNIX socket, to the first vTPM.")
    ] = None,
    startup: Startup = True,
    build: Build = True,
) -> None:
    """Give vTPMs of a board to programs on this machine, until Ctrl-C; the board is off afterwards.

    Each vTPM belongs to a VM on the board, and its commands go through that VM's queue. It lives as long as the board
    runs. A vTPM has two ports of the loopback, and the next one has the next two.

    Examples:
        hil tpm serve

        hil tpm serve qemu-virt --protocol swtpm --port 0

        hil tpm serve qemu-virt --count 4

        hil tpm serve qemu-virt --socket /tmp/tpm.sock
    """
    with _serving(board, startup=startup, build=build, count=count) as (server, thread, tpms, goes_on):
        for number, tpm in enumerate(tpms):
            door = server.open(tpm, protocol, port and port + PORTS_OF_ONE * number)
            print_line(f"{board}, vTPM of VM {number + 1}: export TPM2TOOLS_TCTI={door.tcti}")
        if socket is not None:
            server.open_socket(tpms[0], socket)
            print_line(
                f"QEMU: -chardev socket,id=tpm,path={socket} -tpmdev emulator,id=tpm0,chardev=tpm "
                "-device tpm-tis-device,tpmdev=tpm0"
            )
        print_line("Ctrl-C ends it")
        with contextlib.suppress(KeyboardInterrupt):  # the usual way to end it
            thread.run(goes_on)


@app.command()
def shell(
    board: BoardName = DEFAULT_BOARD,
    program: Annotated[
        list[str] | None,
        typer.Argument(metavar="COMMAND", help="Behind --: a command to run, in place of a shell."),
    ] = None,
    startup: Startup = True,
    build: Build = True,
) -> None:
    """Start a shell in which tpm2-tools and others use a vTPM of a board; it is gone when the shell ends.

    The exit code is that of the shell or the command.

    Examples:
        hil tpm shell

        hil tpm shell qemu-virt -- tpm2_getrandom --hex 8
    """
    words = program or [os.environ.get("SHELL", "/bin/sh")]
    with _serving(board, startup=startup, build=build) as (server, thread, tpms, goes_on):
        door = server.open(tpms[0], Protocol.MSSIM, 0)
        if not program:
            print_line(f"TPM2TOOLS_TCTI={door.tcti}; leave the shell to switch {board} off")
        with keyboard_for_another():
            try:
                started = subprocess.Popen(words, env={**os.environ, **door.environment})
            except OSError as error:
                raise UsageError(f"cannot start {words[0]}: {error.strerror}") from None
            try:
                thread.run(lambda: goes_on() and started.poll() is None)
            finally:
                if started.poll() is None:
                    started.terminate()
                status = started.wait()
    raise typer.Exit(status if status >= 0 else ENDED_BY_SIGNAL - status)


@contextlib.contextmanager
def _serving(
    board: str, *, startup: bool, build: bool, count: int = 1
) -> Iterator[tuple[TpmServer, BoardThread, list[TpmDevice], Callable[[], bool]]]:
    """Boot the board, and create VMs with vTPMs."""
    from hil.operations.tpmserver import BoardThread, TpmDevice, TpmServer
    from hil.session.connection import connect

    with connect(board, build=build) as connection:
        tpms = [TpmDevice(connection.make_vtpm(), startup=startup) for _ in range(count)]
        thread = BoardThread()
        with TpmServer(thread, print_line) as server:
            yield server, thread, tpms, lambda: _require_alive(connection)


def _require_alive(connection: Connection) -> bool:
    """Return True. Raises `BoardDied` if the board no longer runs, which nobody would notice without a command."""
    if connection.board.strategy.dead:
        raise BoardDied("the board stopped while its TPMs were served", board=connection.name)
    return True
