"""`hil boards`."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.live import Live
from rich.text import Text

from hil.board.file.boardfile import EMULATOR, BoardFile
from hil.board.file.placeholders import unfilled
from hil.cli import complete
from hil.cli.checkboards import check as check_files
from hil.cli.checkboards import show_keys, show_schema
from hil.cli.output import console, from_here, print_json
from hil.errors import UsageError
from hil.fittedtable import FittedTable
from hil.lab.boards.hold import holder, runner
from hil.lab.boards.lab import Places
from hil.lab.boards.reach import Obstacle, Unavailability, why_unavailable
from hil.record.verdict import Verdict, count, verdict, worst
from hil.report.summary import STYLE
from hil.session.tree import Tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hil.board.flash import FlashState
    from hil.lab.client import PlaceStatus
    from hil.record import Record

WATCH_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class BoardStatus:
    """What is known of a board: places, why it is unavailable, firmware, last run, and who runs on it now."""

    board: BoardFile
    places: list[PlaceStatus]
    unavailable: Unavailability | None
    flashed: FlashState | None
    built: str
    last: Record | None
    runner: str


def command(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="BOARD", help="With --check: boards or board files (default: all).", autocompletion=complete.boards
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Keep the table up to date until Ctrl-C.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Report the mistakes in board files, with their lines.")
    ] = False,
    keys: Annotated[bool, typer.Option("--keys", help="List all keys of a board file.")] = False,
    schema: Annotated[
        bool,
        typer.Option("--schema", help="Write the JSON Schema from which editors complete and check board files."),
    ] = False,
) -> None:
    """Show all boards: place, user, health, firmware and last run.

    Boards of the lab are shown place by place. Nothing is switched, and nobody who uses a board is disturbed.

    Examples:
        hil boards

        hil boards --watch

        hil boards --json

        hil boards --check

        hil boards --keys

        hil boards --schema
    """
    if keys:
        show_keys(as_json=as_json)
        return
    if watch and as_json:
        raise UsageError("--watch and --json exclude each other: the first is for people, the second for programs")
    tree = Tree.here()
    if schema:
        show_schema(tree, as_json=as_json)
    elif check:
        check_files(tree, names or (), as_json=as_json)
    elif names:
        raise UsageError(
            "names of boards are only for --check: `hil boards` shows all of them",
            hint=f"hil boards --check {' '.join(names)}",
        )
    elif as_json:
        print_json(plain_statuses(tree))
    elif watch:
        with Live(_table(board_statuses(tree)), console=console(), auto_refresh=False) as live:
            while not threading.Event().wait(WATCH_SECONDS):
                live.update(_table(board_statuses(tree)), refresh=True)
    else:
        console().print(_table(board_statuses(tree)))


def board_statuses(tree: Tree) -> list[BoardStatus]:
    """Return the status of all boards. Raises `UsageError` if there is none."""
    tree.order()
    places = places_of(tree)
    return [_status(tree, tree.described(name), places) for name in tree.board_names()]


def plain_statuses(tree: Tree) -> list[dict[str, Any]]:
    """Return the status of all boards as plain data."""
    return [_plain(status) for status in board_statuses(tree)]


def _status(tree: Tree, board: BoardFile, places: Places) -> BoardStatus:
    last = tree.last_run(board.name)
    return BoardStatus(
        board=board,
        places=places.with_board(board.name),
        unavailable=_why_unavailable(board, places),
        flashed=_flashed(board),
        built=_built(board),
        last=last,
        runner=runner(last),
    )


def why_unavailable_here(tree: Tree, name: str, places: Places) -> Unavailability | None:
    """Return why a board cannot be used, if so; a missing or broken board file is a reason, too."""
    try:
        board = tree.described(name)
    except UsageError as error:
        return Unavailability(Obstacle.FILE, error.message)
    return _why_unavailable(board, places)


def _why_unavailable(board: BoardFile, places: Places) -> Unavailability | None:
    if found := unfilled(board.path):
        return Unavailability(Obstacle.UNCONFIGURED, found[0].at(from_here(board.path)))
    if who := holder(board):
        return Unavailability(Obstacle.HELD, who)
    return why_unavailable(board.resources, board.tools.values(), places)


def places_of(tree: Tree) -> Places:
    """Return the places of the lab that is up here or that `LG_COORDINATOR` names."""

    def ask() -> list[PlaceStatus]:
        from hil.cli.lab import find
        from hil.lab.client import status

        return status(find(tree))

    return Places(ask)


def _plain(status: BoardStatus) -> dict[str, Any]:
    record = status.last
    last = None
    if record:
        last = {"id": record.id, "verdict": _verdict(status), "finished": record.finished}
    return {
        **_described(status.board),
        "places": [asdict(place) for place in status.places],
        "trouble": asdict(status.unavailable) if status.unavailable else None,
        "flashed": asdict(status.flashed) if status.flashed else None,
        "built": status.built,
        "runner": status.runner,
        "last_run": last,
    }


def _described(board: BoardFile) -> dict[str, Any]:
    return {
        "path": board.path,
        "name": board.name,
        "kind": board.kind,
        "description": board.description,
        "platform": board.platform,
        "features": board.features,
        "images": board.images,
        "tools": list(board.tools.values()),
        "resources": board.resources,
        "linux_board": board.linux_board,
        "other_name": board.hardware_board,
    }


def _table(board_statuses: list[BoardStatus]) -> FittedTable:
    table = FittedTable("board", "kind", "place", "state", "holder", "health", "firmware", "last run")
    for status in board_statuses:
        for seat in _seats(status):
            table.add_row(status.board.name, status.board.kind, *seat, _firmware(status), _last_run(status))
    return table


def _seats(status: BoardStatus) -> Iterator[tuple[str, str, str, Text]]:
    """Yield place, state, holder and health of each board of a kind. An emulator is always here, too."""
    if not status.places or status.board.kind == EMULATOR:
        found = status.unavailable
        health = Text(str(found), "yellow") if found else Text("good", "green")
        state = "running" if status.runner else "unavailable" if found else "free"
        yield "lab" if status.board.remote else "here", state, status.runner, health
    for place in status.places:
        health = Text(place.why or place.health, "green" if place.health == "good" else "yellow")
        yield place.name, place.state, place.holder, health


def _last_run(status: BoardStatus) -> Text:
    word = _verdict(status)
    if status.last is None or word is None:
        return Text("never")
    if word is Verdict.RUNNING and not status.runner:
        return Text("killed", STYLE[word])
    began = datetime.fromisoformat(status.last.started).astimezone()
    return Text.assemble((word, STYLE[word]), f" {began:%Y-%m-%d %H:%M}")


def _firmware(status: BoardStatus) -> str:
    """Return the firmware on the board, as far as it is known. An emulator starts from the build."""
    if status.flashed:
        return status.flashed.digest[:12] if status.flashed.clean else "dirty: flash it"
    if status.board.kind == EMULATOR:
        return status.built[:12] or "not built"
    return "unknown"


def _verdict(status: BoardStatus) -> Verdict | None:
    """Return the verdict of the last run for this board alone: other boards may have taken part in it."""
    record = status.last
    if record is None:
        return None
    if len(record.boards) == 1 or record.exit_code is None:
        return record.verdict
    name = status.board.name
    faults = [fault for fault in record.faults if fault.board == name]
    cases = [case for case in record.cases if case.board == name]
    return verdict(
        worst([*faults, *(fault for case in cases for fault in case.deciding)]), flaky=count(cases).flaky > 0
    )


def _flashed(board: BoardFile) -> FlashState | None:
    from hil.board.flash import FlashMemory

    return FlashMemory.of_board(board).read()


def _built(board: BoardFile) -> str:
    """Return the hash of the firmware that the board's images belong to, empty without a build."""
    from hil.firmware.firmware import Firmware

    for image in board.images.values():
        try:
            return Firmware.from_directory(image.parent).firmware_hash
        except UsageError:
            continue
    return ""
