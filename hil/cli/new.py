"""`hil new`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from hil.cli import complete
from hil.cli.output import from_here, print_line
from hil.session.tree import DEFAULT_BOARD, Tree

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Write a commented file to start from: a board, a suite."
)


@app.command()
def board(
    name: Annotated[str, typer.Argument(help="The name of the board.")],
    like: Annotated[
        str, typer.Option(help="The board that it resembles most.", autocompletion=complete.models)
    ] = DEFAULT_BOARD,
    firmware: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Take the paths of its images from this directory.")
    ] = None,
    kind: Annotated[
        str, typer.Option(help="What it boots, instead of a model: uboot, uefi, shell, zephyr or other.")
    ] = "",
    port: Annotated[str, typer.Option(metavar="DEVICE", help="With --kind: its serial port.")] = "",
    speed: Annotated[int, typer.Option(metavar="BAUD", help="With --kind: the speed of the serial port.")] = 115200,
    image: Annotated[
        Path | None, typer.Option(metavar="FILE", help="With --kind: an emulated board that starts this image.")
    ] = None,
    prompt: Annotated[
        str, typer.Option(metavar="REGEX", help="With --kind: its prompt, if it is not the usual one.")
    ] = "",
    power: Annotated[
        str, typer.Option(metavar="MODEL:HOST:INDEX", help="With --kind: its power switch, if no person turns it.")
    ] = "",
) -> None:
    """Write a board file: modelled on one that works, or for a board with any firmware.

    On a terminal, what --kind needs and was not given is asked for.

    Examples:
        hil new board mine

        hil new board my-pi --like rpi4

        hil new board my-board --kind uboot --port /dev/ttyUSB0

        hil new board my-qemu --kind uboot --image firmware/u-boot.bin
    """
    from hil.board.file.keys import SCHEMA
    from hil.operations.describe.schema import write_schema
    from hil.operations.new.board import new_board

    folder = Tree.here().board_files
    if kind:
        from hil.operations.new.anyfirmware import Answers, new_board_of_kind

        if not (port or image) and sys.stdin.isatty():
            port = typer.prompt("serial port, such as /dev/ttyUSB0 (empty for an emulated board)", default="")
            image = None if port else Path(typer.prompt("image that the emulator starts"))
            if port and not power:
                power = typer.prompt("power switch, MODEL:HOST:INDEX (empty: by hand)", default="")
        file = new_board_of_kind(folder, name, Answers(kind, port, speed, image and image.absolute(), prompt, power))
    else:
        file = new_board(folder, name, like, firmware)
    if not (folder / SCHEMA).exists():
        write_schema(folder)  # the first line of the new file names it
    print_line(f"{from_here(file)}: try hil boards --check {name}, then hil run --board {name}")


@app.command()
def suite(name: Annotated[str, typer.Argument(help="The name of the suite.")]) -> None:
    """Write a suite of four tests, one for each kind of fixture.

    Example:
        hil new suite mine
    """
    from hil.operations.new.suite import new_suite

    tree = Tree.here()
    file = new_suite(tree.root / tree.settings.suites, name)
    print_line(f"{from_here(file)}: try hil run {from_here(file.parent)}")
