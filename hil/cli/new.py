"""`hil new`."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads it
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
) -> None:
    """Write a board file, modelled on one that works.

    Examples:
        hil new board mine

        hil new board my-pi --like rpi4
    """
    from hil.board.file.keys import SCHEMA
    from hil.operations.describe.schema import write_schema
    from hil.operations.new.board import new_board

    folder = Tree.here().board_files
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
