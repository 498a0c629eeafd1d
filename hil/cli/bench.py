"""`hil bench`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from hil.cli import complete
from hil.cli.output import console, print_json
from hil.errors import UsageError
from hil.report.runs import Runs
from hil.session.tree import DEFAULT_BOARD, Tree

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hil.board.file.boardfile import BoardFile
    from hil.operations.bench.figures import Section

ON_MONITOR = ("framework", "instructions", "latency", "loop")
ON_LINUX = ("ssh", "delay")
"""The parts that run on a board that boots into the monitor, and on one that boots into Linux."""
NOWHERE = "reports"
"""The part that needs no board."""

WIDTH_IN_A_PIPE = 120


def command(
    parts: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PART]...",
            help="framework, instructions, latency, loop, reports, ssh, delay (default: all that the board supports).",
        ),
    ] = None,
    board: Annotated[
        str, typer.Option(help="An emulated board of boards/.", autocompletion=complete.boards)
    ] = DEFAULT_BOARD,
    build: Annotated[bool, typer.Option("--build/--no-build", help="Bring the firmware up to date first.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print figures and samples as JSON.")] = False,
    into: Annotated[
        str | None, typer.Option(metavar="RUN", help="Also add the figures to the page of a run, such as latest.")
    ] = None,
) -> None:
    """Measure framework and service: ratios in one run, exact counts of instructions and traps.

    Examples:
        hil bench

        hil bench instructions --json

        hil bench loop

        hil bench ssh delay

        hil bench --board qemu-virt-linux

        hil bench delay --into latest
    """
    from hil.board.builds import bring_up_to_date
    from hil.operations.bench import table
    from hil.report.rebuild import add_bench

    tree = Tree.here()
    run = Runs(tree.reports).find(into) if into else None
    boards = _boards(tree, board)
    wanted = parts or tuple(boards)
    for part in wanted:
        if part not in boards:
            raise UsageError(f"{board} has no bench part {part!r}", hint=" or ".join(boards))
    if build:
        parts_with_board = {*wanted, *(ON_LINUX if "loop" in wanted else ())} & boards.keys() - {NOWHERE}
        for needed in {boards[part].name: boards[part] for part in parts_with_board}.values():
            bring_up_to_date(needed)
    errors = Console(stderr=True, highlight=False)
    with errors.status("measuring") as status:

        def note(text: str) -> None:
            status.update(f"measuring: {text}")
            if not errors.is_terminal:
                print(f"measuring: {text}", file=sys.stderr)

        sections = [section for part in wanted for section in _measure(part, boards, tree, note)]
    if run:
        add_bench(run, table.as_json(sections))
    if as_json:
        print_json(table.as_json(sections))
    else:
        table.show(sections, console(width_in_a_pipe=WIDTH_IN_A_PIPE))


def _boards(tree: Tree, name: str) -> dict[str, BoardFile]:
    """Return each part that can be measured on a board, with the board file for it."""
    chosen = tree.board(name)
    if "flash" not in chosen.images:
        raise UsageError(f"{name} has no `flash` image; the bench needs an emulated board", hint="--board qemu-virt")
    if "linux" in chosen.features:
        return dict.fromkeys(ON_LINUX, chosen)
    boards = dict.fromkeys((*ON_MONITOR, NOWHERE), chosen)
    if chosen.linux_board:
        boards |= dict.fromkeys(ON_LINUX, tree.board(chosen.linux_board))
    return boards


def _measure(part: str, boards: Mapping[str, BoardFile], tree: Tree, note: Callable[[str], None]) -> Sequence[Section]:
    from hil.operations.bench import delay, framework, instructions, latency, loop, reports, ssh

    board = boards[part]

    if part == NOWHERE:
        return [reports.measure(note)]
    if part == "framework":
        return [framework.measure(board.path, board.images["flash"], note)]
    if part == "loop":
        return [loop.measure(board, boards.get(ON_LINUX[0]), tree.root, note)]
    if part == "instructions":
        return instructions.measure(board.path, note)
    if part == "latency":
        return [latency.measure(board.path, note)]
    if part == "ssh":
        return [ssh.measure(board.path, note)]
    return [delay.measure(board.path, note)]
