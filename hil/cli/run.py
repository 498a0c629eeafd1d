"""`hil run`."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from hil.board.file.boardfile import EMULATOR, BoardFile
from hil.cli import complete
from hil.cli.output import console, print_json
from hil.cli.tree import Tree
from hil.errors import ExitCode, UsageError
from hil.lab.boards.hold import held
from hil.lab.tags import BOARD
from hil.session.retries import EXAMPLE, Retries

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pytest

    from hil.lab.boards.choice import Choice
    from hil.lab.seat import Seat
    from hil.record import Record

PASS_THROUGH = {"ignore_unknown_options": True}
"""Whatever is not ours belongs to pytest."""

PLUGINS = ("-p", "hil.session.plugin", "-p", "no:hypothesispytest", "-W", "ignore::pytest.PytestAssertRewriteWarning")
"""Ours, also where no conftest.py names it; we have imported part of it, which pytest need not mention. hypothesis' own
plugin imports all of hypothesis at the end of every run: half a second for nothing."""


def command(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SUITE", help="Suites to run (default: all), and pytest's options.", autocompletion=complete.suites
        ),
    ] = None,
    board: Annotated[
        list[str] | None,
        typer.Option(
            autocompletion=complete.boards,
            help="A board of boards/; several run side by side, with one report "
            "(default: the first one that can be used, QEMU last).",
        ),
    ] = None,
    pool: Annotated[
        str, typer.Option(metavar="TAGS", help="Boards of the lab with these tags, such as 'board=rpi4 site=here'.")
    ] = "",
    number: Annotated[
        int | None,
        typer.Option(
            "-n",
            min=1,
            help="So many boards of each kind (default: one; with --pool all); they share the tests.",
            metavar="N",
        ),
    ] = None,
    each: Annotated[bool, typer.Option("--each", help="With -n: every board runs all tests.")] = False,
    linux: Annotated[
        bool, typer.Option("--linux/--no-linux", help="Go on with Linux on the same board, if there is a card for it.")
    ] = True,
    build: Annotated[bool, typer.Option("--build/--no-build", help="Bring the firmware up to date first.")] = True,
    firmware: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Take the board's images from this directory, and build nothing."),
    ] = None,
    coverage: Annotated[
        bool, typer.Option("--coverage", help="Count which lines of the EL3 service run; on QEMU only.")
    ] = False,
    retry: Annotated[
        str,
        typer.Option(
            metavar=EXAMPLE,
            help="Run a test again: after a fault of board or lab so often, on a fresh or another board; "
            "after any other failure so often. What passes late is flaky.",
        ),
    ] = "",
    fail_on_flaky: Annotated[
        bool, typer.Option("--fail-on-flaky", help="Return 1 when a test passed only when it was run again.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the record as JSON; all else goes to standard error.")
    ] = False,
) -> None:
    """Run suites on a board, or on several at once, and leave a record in reports/.

    What is not an option of ours goes to pytest, such as -k, -m, -x, -v.

    Examples:
        hil run

        hil run suites/tpm -k quote -x

        hil run --board qemu-virt --board qemu-virt-linux

        hil run --board rpi4-twin --no-linux suites/tpm

        hil run -n 4 --no-build --json

        hil run --retry infra=2,flaky=1 --fail-on-flaky

        hil run --verify-quarantine

        hil run --firmware build/qemu-virt suites/boot

        hil run --coverage suites/queue

        hil run --pool board=rpi4 -n 2 suites/tpm
    """
    tree = Tree.here()
    if pool and board:
        raise UsageError("--board names boards, --pool asks the lab for some: one or the other")
    if coverage and (pool or firmware):
        raise UsageError("--coverage takes firmware of its own, on boards that QEMU plays here")
    why, names = "", list(dict.fromkeys(board or ()))
    to_people = Console(stderr=as_json, highlight=False, soft_wrap=True)
    if not (board or pool):
        choice = choose_board(tree)
        why, names = choice.why, [choice.board]
        if choice.from_lab:
            pool, number = f"{BOARD}={choice.board}", number or 1
        to_people.print(f"board {choice.board}{' of the lab' if choice.from_lab else ''}: {why}", markup=False)
    borrowed = _seats_of_the_lab(tree, pool, number, each=each) if pool else []
    chosen = [BoardFile.read(borrowed[0].board_file)] if borrowed else [tree.board(name) for name in names]
    if linux and not pool:
        chosen = [*{one.name: one for board in chosen for one in _cards(tree, board)}.values()]
    if coverage:
        chosen = [_counting(one) for one in chosen]
    pytest_arguments = [*(arguments or ()), *([f"--retry={retry}"] if retry else [])]
    retries = Retries.parse(retry) if retry else Retries()
    if fail_on_flaky:
        pytest_arguments.append("--fail-on-flaky")
    for one in chosen:
        if firmware:
            to_people.print(_taken(one, firmware), markup=False)
        elif build:
            from hil.board.builds import bring_up_to_date

            bring_up_to_date(one)
    if firmware:
        pytest_arguments.append(f"--hil-firmware={firmware.absolute()}")
    with _standard_output_for_json(as_json), contextlib.ExitStack() as ours:
        for one in {one.hardware: one for one in chosen}.values():
            ours.enter_context(held(one))
        if not borrowed and len(chosen) * (number or 1) == 1 and _as_pytest_shows(pytest_arguments, as_json=as_json):
            code, record = run(tree, chosen[0], pytest_arguments, why=why)
        else:
            seats = borrowed or _local_seats(chosen, number or 1, each=each)
            record = run_on_several(
                tree, seats, pytest_arguments, why=why, retries=retries.infra, fail_on_flaky=fail_on_flaky
            )
            code = ExitCode(record.exit_code or 0)
    if as_json and record:
        from hil.record import plain_record

        print_json(plain_record(record))
    raise typer.Exit(code)


_TALKATIVE = re.compile(r"-[a-zA-Z]*[svq][a-zA-Z]*|--(capture|verbose|quiet|setup|durations|fixtures|markers|lg-log)")
"""Who gives such an option of pytest wants to see what pytest says."""


def _as_pytest_shows(arguments: list[str], *, as_json: bool) -> bool:
    """Whether a run on one board is shown by pytest itself: in logs, and where its own options ask for it."""
    from hil.session.scheduler.progress import is_interactive
    from hil.session.scheduler.run import FOR_ONE_BOARD

    asked = any(one in FOR_ONE_BOARD or _TALKATIVE.match(one) for one in arguments)
    return asked or as_json or not is_interactive(console())


def _counting(board: BoardFile) -> BoardFile:
    """Return the same board with firmware whose service counts. Raises `UsageError` when there is none for it."""
    from hil.coverage.board import counting

    if board.kind != EMULATOR:
        raise UsageError(f"--coverage reads the memory of an emulator, and {board.name} is none")
    return counting(board)


def _cards(tree: Tree, board: BoardFile) -> list[BoardFile]:
    """Return the board and, if it is the same hardware with another card, the one with Linux."""
    linux = tree.board(board.linux_board) if board.linux_board else board
    return [board] if linux.name == board.name or linux.hardware != board.hardware else [board, linux]


def _taken(board: BoardFile, directory: Path) -> str:
    """Say which images come from `directory`. Raises `UsageError` when none does."""
    from hil.board.file.images import images_in

    images = images_in(directory, board.images)
    taken = [f"{name} from {path}" for name, path in images.items() if path != board.images[name]]
    kept = [name for name, path in images.items() if path == board.images[name]]
    return f"{board.name}: {', '.join([*taken, *(f'{name} as in its file' for name in kept)])}"


def choose_board(tree: Tree) -> Choice:
    """Return the first board of the tree's order that is usable here or free in the lab. Raises `BoardUnavailable`."""
    from hil.cli.boards import places_of, why_unavailable_here
    from hil.lab.boards.choice import choose

    places = places_of(tree)
    return choose(tree.order(), lambda name: why_unavailable_here(tree, name, places), places.offers)


def run(tree: Tree, board: BoardFile, arguments: list[str], *, why: str = "") -> tuple[ExitCode, Record | None]:
    """Run pytest in this process; returns our exit code and, unless nothing came to run, the record.

    `why` is the reason for this board when nobody named it.
    """
    import pytest

    witness = _Witness()
    options = ["--lg-env", str(board.path), *([f"--hil-why={why}"] if why else [])]
    code = pytest.main([*options, *_for_pytest(tree, arguments)], plugins=[witness])
    known = code in {int(one) for one in ExitCode}
    return ExitCode(code) if known else ExitCode.USAGE, witness.record


def run_on_several(tree: Tree, seats: Sequence[Seat], arguments: list[str], **more: Any) -> Record:
    """Run pytest in a process per seat; `more` is what `run_on` takes."""
    from hil.session.scheduler.run import run_on

    return run_on(seats, tree.root, _for_pytest(tree, arguments), console(), **more)


def _local_seats(boards: list[BoardFile], number: int, *, each: bool) -> list[Seat]:
    from hil.session.scheduler.run import local_seats

    named = [(board.path, "" if board.kind == EMULATOR else board.hardware) for board in boards]
    return local_seats(named, number, each=each)


def _seats_of_the_lab(tree: Tree, tags: str, number: int | None, *, each: bool) -> list[Seat]:
    from hil.cli.lab import find
    from hil.lab.seats import seats

    return [*seats(find(tree), tree.root, tags, number, each=each)]


def _for_pytest(tree: Tree, arguments: list[str]) -> list[str]:
    options = ["--rootdir", str(tree.root), "-c", str(tree.root / "pyproject.toml")]
    paths = [] if _names_suites(tree, arguments) else [str(tree.root / tree.settings.suites)]
    return [*options, *PLUGINS, *arguments, *paths]


def _names_suites(tree: Tree, arguments: list[str]) -> bool:
    """Whether one of `arguments` is a file or folder of the tree; others are values of options."""
    paths = (Path(one.partition("::")[0]).absolute() for one in arguments if not one.startswith("-"))
    return any(path.exists() and path.is_relative_to(tree.root) for path in paths)


class _Witness:
    """Keeps the record of the session, which pytest itself does not return."""

    record: Record | None = None

    def pytest_unconfigure(self, config: pytest.Config) -> None:
        from hil.session.plugin.session import SESSION

        session = config.stash.get(SESSION, None)
        self.record = session.recorder.record if session else None


@contextlib.contextmanager
def _standard_output_for_json(wanted: bool) -> Iterator[None]:
    """Send what is written to standard output meanwhile to standard error."""
    if not wanted:
        yield
        return
    sys.stdout.flush()
    kept = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, sys.stdout.fileno())
        os.close(kept)
