"""`hil boards`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich import box
from rich.table import Table

from hil.cli.output import console, print_json
from hil.cli.tree import BoardFile, Tree

if TYPE_CHECKING:
    from hil.record import Record


def command(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Show the boards in boards/: what they are, what is built for them, and how their last run ended.

    Examples: hil boards; hil boards --json
    """
    tree = Tree.here()
    rows = [(board, tree.last_run(board.name)) for board in map(tree.board, tree.board_names())]
    if as_json:
        print_json([_plain(board, record) for board, record in rows])
    else:
        console().print(_table(rows))


def _plain(board: BoardFile, record: Record | None) -> dict[str, Any]:
    last = {"id": record.id, "verdict": record.verdict, "finished": record.finished} if record else None
    return {**asdict(board), "name": board.name, "built": _built(board), "last_run": last}


def _table(rows: list[tuple[BoardFile, Record | None]]) -> Table:
    table = Table("board", "kind", "features", "firmware", "last run", "verdict", box=box.SIMPLE_HEAD)
    for board, record in rows:
        features = (f"{name}: {value}" if value else name for name, value in board.features.items())
        table.add_row(
            board.name,
            board.kind,
            "\n".join(features),
            _built(board)[:12] or "not built",
            record.started if record else "never",
            record.verdict.value if record else "",
        )
    return table


def _built(board: BoardFile) -> str:
    """The hash of the firmware that the board's images belong to, empty without a build."""
    from hil.build.firmware import Firmware
    from hil.errors import UsageError

    for image in board.images.values():
        try:
            return Firmware.read(image.parent).firmware_hash
        except UsageError:
            continue
    return ""
