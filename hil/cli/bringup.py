"""`hil bringup`."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.live import Live
from rich.markup import escape
from rich.text import Text

from hil.cli import complete
from hil.cli.output import console, print_json, print_line
from hil.fittedtable import FittedTable
from hil.lab.boards.hold import held
from hil.manifest import find_manifest
from hil.session.tree import DEFAULT_BOARD, Tree

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hil.board.file.boardfile import BoardFile
    from hil.operations.bringup import BringUp, BringUpStep


def command(
    board: Annotated[str, typer.Option(help="A board of boards/.", autocompletion=complete.boards)] = DEFAULT_BOARD,
    build: Annotated[bool, typer.Option("--build/--no-build", help="Bring the firmware up to date first.")] = True,
    linux: Annotated[bool, typer.Option("--linux/--no-linux", help="Then bring up Linux, if the board has it.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Bring up a board for the first time: from the power switch to the first TPM command, then Linux and SSH.

    The table shows for each stage what is expected, what was seen and how long it took. Where the boot stops, likely
    causes and the next things to try follow. The record is in reports/, with one archive to attach to a bug report.

    Examples:
        hil bringup

        hil bringup --board qemu-virt-linux

        hil bringup --no-linux --json
    """
    from hil.board.builds import bring_up_to_date
    from hil.operations.bringup.bundle import as_json as plain
    from hil.operations.bringup.bundle import write_bundle
    from hil.record.provenance import gather

    tree = Tree.here()
    boards = _chain(tree, board, linux=linux)
    directory = tree.reports / f"bringup-{datetime.now(UTC):%Y%m%dT%H%M%S.%f}Z-{board}"
    brought_up: list[tuple[BoardFile, BringUp]] = []
    for chosen in boards:
        if build:
            bring_up_to_date(chosen)
        directory.mkdir(parents=True, exist_ok=True)
        with held(chosen):
            brought_up.append((chosen, _bring_up(chosen, directory, quiet=as_json)))
        if brought_up[-1][1].error:
            break
    archive = write_bundle(
        directory,
        [
            (done.name, bring_up, gather(tree.root, done.path, manifest=find_manifest(done.images.values())))
            for done, bring_up in brought_up
        ],
        [chosen.path for chosen in boards],
    )
    if as_json:
        print_json(
            {"archive": str(archive), "boards": [plain(chosen.name, bring_up) for chosen, bring_up in brought_up]}
        )
    else:
        print_line(f"the whole record, for a bug report: {archive.relative_to(tree.root)}")
    error = brought_up[-1][1].error
    raise typer.Exit(error.exit_code if error else 0)


def _chain(tree: Tree, board: str, *, linux: bool) -> list[BoardFile]:
    """Return the board and, if its file names one, the board file of the same hardware with Linux."""
    first = tree.board(board)
    return [first, tree.board(first.linux_board)] if linux and first.linux_board else [first]


def _bring_up(board: BoardFile, directory: Path, *, quiet: bool) -> BringUp:
    """Bring one board up and show the stages; it is off afterwards."""
    from hil.board.file import labgridenv
    from hil.lab.places import connect_places
    from hil.operations.bringup import BringUp
    from hil.record.transcript import DirectorySink
    from hil.target.crash import find_elfs

    environment = labgridenv.load(board.path)
    connect_places(environment)
    try:
        strategy = labgridenv.target(environment).get_strategy()
        strategy.sink = DirectorySink(directory)
        bring_up = BringUp(strategy, board.features, find_elfs(board.images.values()), platform=board.platform)
        if quiet:
            bring_up.run()
        else:
            _show(board.name, bring_up)
    finally:
        environment.cleanup()
    return bring_up


def _show(board: str, bring_up: BringUp) -> None:
    """Show the table while it grows; in a pipe only once it is complete."""
    out = console()
    with Live(_table(board, bring_up.steps), console=out) if out.is_terminal else nullcontext() as live:
        bring_up.on_change = (lambda steps: live.update(_table(board, steps))) if live else bring_up.on_change
        steps = bring_up.run()
        if not live:
            out.print(_table(board, steps))
    for step in steps:
        for number, cause in enumerate(step.causes, 1):
            out.print(f"  {number}. {escape(cause.why)}\n     [bold]try:[/] {escape(cause.attempt)}")


def _table(board: str, steps: Sequence[BringUpStep]) -> FittedTable:
    table = FittedTable(board, "expected", "seen", "seconds", right=["seconds"])
    marks = {"reached": ("✓ ", "green"), "stopped here": ("✗ ", "red"), "not tried": ("· ", "")}
    for step in steps:
        spent = f"{step.seconds:.2f}" if step.outcome != "not tried" else ""
        table.add_row(Text.assemble(marks[step.outcome], step.stage.name), step.stage.expected, step.seen, spent)
    return table
