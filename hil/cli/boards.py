"""`hil boards`."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich import box
from rich.live import Live
from rich.table import Table
from rich.text import Text

from hil.board.file.boardfile import EMULATOR, BoardFile
from hil.cli import complete
from hil.cli.checkboards import check as check_files
from hil.cli.checkboards import show_keys, show_schema
from hil.cli.output import console, print_json
from hil.cli.tree import Tree
from hil.errors import UsageError
from hil.lab.boards.hold import runner
from hil.lab.boards.lab import Places
from hil.lab.boards.reach import Obstacle, Unavailability, why_unavailable
from hil.record.verdict import Verdict, count, verdict, worst
from hil.report.summary import STYLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hil.board.flash import FlashState
    from hil.lab.client import PlaceStatus
    from hil.record import Record

WATCH_SECONDS = 2.0
WIDTH_IN_A_PIPE = 160


@dataclass(frozen=True, slots=True)
class Standing:
    """A board, and what is known of it: the places that have one, what keeps us from using it, who runs on it."""

    board: BoardFile
    places: list[PlaceStatus]
    trouble: Unavailability | None
    flashed: FlashState | None
    built: str
    last: Record | None
    runner: str


def command(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="BOARD", help="With --check: boards, or files (default: all).", autocompletion=complete.boards
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Show how it changes, until Ctrl-C.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Say what is wrong with the board files, line by line.")
    ] = False,
    keys: Annotated[bool, typer.Option("--keys", help="Say what may stand in a board file.")] = False,
    schema: Annotated[
        bool,
        typer.Option("--schema", help="Write the JSON Schema from which editors complete and check board files."),
    ] = False,
) -> None:
    """Show the boards: where they are, who has them, how they are, what is on them, how their last run ended.

    Boards of the lab are shown place by place. Nothing is switched and nobody is disturbed.

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
        raise UsageError("--watch is for people, --json for programs: one or the other")
    tree = Tree.here()
    if schema:
        show_schema(tree, as_json=as_json)
    elif check:
        check_files(tree, names or (), as_json=as_json)
    elif names:
        raise UsageError("`hil boards` shows all boards", hint=f"hil boards --check {' '.join(names)}")
    elif as_json:
        print_json(plain_standings(tree))
    elif watch:
        with Live(_table(standings(tree)), console=console(), auto_refresh=False) as live:
            while not threading.Event().wait(WATCH_SECONDS):
                live.update(_table(standings(tree)), refresh=True)
    else:
        console(WIDTH_IN_A_PIPE).print(_table(standings(tree)))


def standings(tree: Tree) -> list[Standing]:
    """Return what is known of all boards now."""
    places = places_of(tree)
    return [_standing(tree, tree.board(name), places) for name in tree.board_names()]


def plain_standings(tree: Tree) -> list[dict[str, Any]]:
    """Return the same for programs."""
    return [_plain(standing) for standing in standings(tree)]


def _standing(tree: Tree, board: BoardFile, places: Places) -> Standing:
    last = tree.last_run(board.name)
    return Standing(
        board=board,
        places=places.with_board(board.name),
        trouble=why_unavailable(board.resources, board.tools.values(), places),
        flashed=_flashed(board),
        built=_built(board),
        last=last,
        runner=runner(last),
    )


def why_unavailable_here(tree: Tree, name: str, places: Places) -> Unavailability | None:
    """Return what keeps us from using a board, if anything; a missing or broken board file does, too."""
    try:
        board = tree.board(name)
    except UsageError as error:
        return Unavailability(Obstacle.FILE, error.message)
    if board.at_this_machine and (who := runner(tree.last_run(name))):
        return Unavailability(Obstacle.HELD, f"{who} runs on it")
    return why_unavailable(board.resources, board.tools.values(), places)


def places_of(tree: Tree) -> Places:
    """Return the places of the lab that is up here or that `LG_COORDINATOR` names."""

    def ask() -> list[PlaceStatus]:
        from hil.cli.lab import find
        from hil.lab.client import status

        return status(find(tree))

    return Places(ask)


def _plain(standing: Standing) -> dict[str, Any]:
    record = standing.last
    last = None
    if record:
        last = {"id": record.id, "verdict": _verdict(standing), "finished": record.finished}
    return {
        **_described(standing.board),
        "places": [asdict(place) for place in standing.places],
        "trouble": asdict(standing.trouble) if standing.trouble else None,
        "flashed": asdict(standing.flashed) if standing.flashed else None,
        "built": standing.built,
        "runner": standing.runner,
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


def _table(standings: list[Standing]) -> Table:
    table = Table("board", "kind", "place", "state", "holder", "health", "firmware", "last run", box=box.SIMPLE_HEAD)
    for column in table.columns[:3]:
        column.no_wrap = True
    for standing in standings:
        for seat in _seats(standing):
            table.add_row(standing.board.name, standing.board.kind, *seat, _firmware(standing), _last_run(standing))
    return table


def _seats(standing: Standing) -> Iterator[tuple[str, str, str, Text]]:
    """Place, state, holder and health of each board of a kind; an emulator is always here, too."""
    if not standing.places or standing.board.kind == EMULATOR:
        found = standing.trouble
        health = Text(str(found), "yellow") if found else Text("good", "green")
        state = "running" if standing.runner else "unavailable" if found else "free"
        yield "lab" if standing.board.remote else "here", state, standing.runner, health
    for place in standing.places:
        health = Text(place.why or place.health, "green" if place.health == "good" else "yellow")
        yield place.name, place.state, place.holder, health


def _last_run(standing: Standing) -> Text:
    word = _verdict(standing)
    if standing.last is None or word is None:
        return Text("never")
    if word is Verdict.RUNNING and not standing.runner:
        return Text("killed", STYLE[word])
    began = datetime.fromisoformat(standing.last.started).astimezone()
    return Text.assemble((word, STYLE[word]), f" {began:%Y-%m-%d %H:%M}")


def _firmware(standing: Standing) -> str:
    """What is known to be on the board; an emulator starts from what is built."""
    if standing.flashed:
        return standing.flashed.digest[:12] if standing.flashed.clean else "dirty: flash it"
    if standing.board.kind == EMULATOR:
        return standing.built[:12] or "not built"
    return "unknown"


def _verdict(standing: Standing) -> Verdict | None:
    """How the last run went on this board: others may have taken part in it."""
    record = standing.last
    if record is None:
        return None
    if len(record.boards) == 1 or record.exit_code is None:
        return record.verdict
    name = standing.board.name
    faults = [fault for fault in record.faults if fault.board == name]
    cases = [case for case in record.cases if case.board == name]
    return verdict(
        worst([*faults, *(fault for case in cases for fault in case.deciding)]), flaky=count(cases).flaky > 0
    )


def _flashed(board: BoardFile) -> FlashState | None:
    from hil.board.flash import FlashMemory

    return FlashMemory(board.hardware).read()


def _built(board: BoardFile) -> str:
    """The hash of the firmware that the board's images belong to, empty without a build."""
    from hil.firmware.firmware import Firmware

    for image in board.images.values():
        try:
            return Firmware.from_directory(image.parent).firmware_hash
        except UsageError:
            continue
    return ""
