"""`hil run`."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from importlib import import_module
from pathlib import Path  # noqa: TC003 - typer reads it
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from hil.board.file.boardfile import EMULATOR, BoardFile
from hil.board.file.images import images_in, refuse_missing
from hil.cli import complete
from hil.cli.output import console, print_json
from hil.errors import ExitCode, UsageError
from hil.files import error_of_writing
from hil.lab.boards.hold import held
from hil.lab.tags import BOARD
from hil.paths import cache_root
from hil.session.assertions import refuse_without_assertions
from hil.session.retries import EXAMPLE, Retries
from hil.session.roles import Role, refuse_doubles, split, split_pool
from hil.session.tree import Tree, record_options

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pytest

    from hil.lab.boards.choice import Choice
    from hil.lab.seat import Seat
    from hil.record import Record

PASS_THROUGH = {"ignore_unknown_options": True}
"""Options that are not ours are passed on to pytest."""

QUICK = (
    *("-p", "no:hypothesispytest", "-p", "no:anyio"),
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),
)
"""The plugins of two libraries that come with ours are left out: that of hypothesis imports all of hypothesis at the
end of every run, which takes half a second, and that of anyio all of asyncio. `-p anyio` has it back. And pytest would
warn that our plugin, which has no assertions to rewrite, is imported already."""


def command(
    context: typer.Context,
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
            help="A board of boards/; several boards run side by side, with one report "
            "(default: the first one that can be used, QEMU last). ROLE=NAME gives it a role in tests that use several "
            "boards together.",
        ),
    ] = None,
    pool: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TAGS",
            help="Boards of the lab with these tags, such as 'board=rpi4 site=here'; ROLE:TAGS for one of several "
            "boards that tests use together.",
        ),
    ] = None,
    number: Annotated[
        int | None,
        typer.Option(
            "-n",
            min=1,
            help="The number of boards of each kind, which share the tests (default: one; with --pool all).",
            metavar="N",
        ),
    ] = None,
    each: Annotated[bool, typer.Option("--each", help="With -n: each board runs all tests.")] = False,
    linux: Annotated[
        bool, typer.Option("--linux/--no-linux", help="Then run on the same board with its Linux card, if it has one.")
    ] = True,
    build: Annotated[bool, typer.Option("--build/--no-build", help="Bring the firmware up to date first.")] = True,
    firmware: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Take the board's images from this directory; nothing is built."),
    ] = None,
    coverage: Annotated[
        bool, typer.Option("--coverage", help="Count which lines of the EL3 service run; on QEMU only.")
    ] = False,
    gdb: Annotated[
        bool, typer.Option("--gdb", help="Connect gdb to the board of a test that fails, before the test ends.")
    ] = False,
    retry: Annotated[
        str,
        typer.Option(
            metavar=EXAMPLE,
            help="Run a test again: up to so often after a fault of board or lab, on a restarted or another board; "
            "up to so often after any other failure. A test that passes late is flaky.",
        ),
    ] = "",
    fail_on_flaky: Annotated[
        bool, typer.Option("--fail-on-flaky", help="Return 1 if a test passed only at a later attempt.")
    ] = False,
    trace: Annotated[
        bool,
        typer.Option("--trace", help="Show calls, TPM commands and all else that is done on the boards, live."),
    ] = False,
    markdown: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a summary in Markdown to this file, too.")
    ] = None,
    label: Annotated[
        str,
        typer.Option(
            metavar="LABEL",
            help="Label the run, such as nightly: latest-LABEL is the newest with it, whatever else runs meanwhile.",
        ),
    ] = "",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the record as JSON, and all other output to standard error.")
    ] = False,
) -> None:
    """Run suites on a board, or on several at once, and leave a record in reports/.

    All other options are passed on to pytest, such as -k, -m, -x, -v.

    Examples:
        hil run

        hil run suites/tpm -k quote -x

        hil run --board qemu-virt --board qemu-virt-linux

        hil run --board rpi4-twin --no-linux suites/tpm

        hil run -n 4 --no-build --json

        hil run --retry infra=2,flaky=1 --fail-on-flaky

        hil run --label nightly

        hil run --verify-quarantine

        hil run --firmware build/qemu-virt suites/boot

        hil run --coverage suites/queue

        hil run --trace suites/tpm

        hil run --pool board=rpi4 -n 2 suites/tpm

        hil run --board client=qemu-virt --board server=qemu-virt suites/attestation

        hil run --pool client:board=rpi4 --pool server:board=juno suites/attestation
    """
    refuse_without_assertions()
    tree = Tree.here()
    if pool and board:
        raise UsageError(
            "--board and --pool exclude each other: the first names boards, the second leases boards of the lab"
        )
    if coverage and (pool or firmware):
        raise UsageError(
            "--coverage needs firmware of its own on an emulated board: it works without --pool and --firmware"
        )
    roles = _roles(tree, board or ())
    if roles and coverage:
        raise UsageError("--coverage is for one board at a time", hint="hil run --coverage --board NAME")
    why, names = "", list(dict.fromkeys([role.board for role in roles] or board or ()))
    for name in names:
        tree.board_path(name)
    screen = Console(stderr=as_json, highlight=False, soft_wrap=True)
    if not (board or pool):
        choice = choose_board(tree)
        why, names = choice.why, [choice.board]
        if choice.from_lab:
            pool, number = [f"{BOARD}={choice.board}"], number or 1
        screen.print(choice.briefly, markup=False)
    retries = Retries.parse(retry) if retry else Retries()
    pytest_arguments = _arguments(
        context, tree, [*(arguments or ()), *([f"--retry={retry}"] if retry else []), *(["--gdb"] if gdb else [])]
    )
    _refuse_unwritable(tree, pytest_arguments)
    leased, roles_of_lab = _seats_of_the_lab(tree, pool, number, each=each) if pool else ([], [])
    roles = roles or roles_of_lab
    files = dict.fromkeys([role.board_file for role in roles] if roles_of_lab else [seat.board_file for seat in leased])
    chosen = [BoardFile.read(file) for file in files] if leased else [tree.board(name) for name in names]
    if linux and not (pool or roles):
        chosen = [*{card.name: card for board in chosen for card in _cards(tree, board)}.values()]
    if coverage:
        chosen = [_with_coverage(plain) for plain in chosen]
    if trace:
        pytest_arguments.append("--hil-trace")
    if fail_on_flaky:
        pytest_arguments.append("--fail-on-flaky")
    if label:
        pytest_arguments.append(f"--hil-label={label}")
    if any(used.kind == EMULATOR for used in chosen):
        cache_root()  # with snapshots; where there is no place for it, no test should begin
    for used in chosen:
        if firmware:
            screen.print(_taken(used, firmware), markup=False)
        elif build:
            from hil.board.builds import bring_up_to_date

            bring_up_to_date(used)
        refuse_missing(used.path, images_in(firmware, used.images) if firmware else used.images)
    if firmware:
        pytest_arguments.append(f"--hil-firmware={firmware.absolute()}")
    with _standard_output_for_json(as_json), contextlib.ExitStack() as locks:
        for used in {used.hardware: used for used in chosen}.values():
            locks.enter_context(held(used))
        pytest_arguments += [role.option for role in roles]
        alone = not leased and (number or 1) == 1 and (len(chosen) == 1 or bool(roles))
        if alone and _is_shown_by_pytest(pytest_arguments, as_json=as_json):
            first = tree.board(roles[0].board) if roles else chosen[0]
            code, record = run(tree, first, pytest_arguments, why=why)
        else:
            seats = leased or _local_seats(chosen, number or 1, each=each, roles=roles)
            record = run_on_several(
                tree, seats, pytest_arguments, why=why, retries=retries.infra, fail_on_flaky=fail_on_flaky
            )
            code = ExitCode(record.exit_code or 0)
    if markdown and record:
        _write_summary(record, markdown)
    if as_json and record:
        from hil.record import plain_record

        print_json(plain_record(record))
    raise typer.Exit(code)


def _refuse_unwritable(tree: Tree, arguments: list[str]) -> None:
    """Raise `UsageError` if the run's record cannot be written, before anything is built or leased for the run."""
    from hil.session.scheduler.terminal import TELLS_ONLY

    if TELLS_ONLY.intersection(arguments):
        return
    reports, _ = record_options(arguments, tree.root)
    if error := error_of_writing(reports):
        from hil.record.run import refuse_place

        refuse_place(reports, error)


def _write_summary(record: Record, file: Path) -> None:
    from hil.files import write_atomically
    from hil.report.markdown import markdown

    try:
        write_atomically(file, markdown(record, record.directory).encode())
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}", hint="name another file") from error


_ABOUT_OUTPUT = re.compile(
    r"-[a-zA-Z]*[svq][a-zA-Z]*|--(capture|verbose|quiet|setup|durations|fixtures|markers|lg-log)"
)
"""Options about pytest's own output: who gives one wants to see that."""


def _is_shown_by_pytest(arguments: list[str], *, as_json: bool) -> bool:
    """Whether pytest itself shows a run on one board: in logs, and if an option asks for its output."""
    from hil.session.scheduler.terminal import FOR_ONE_BOARD, is_interactive

    asked = any(argument in FOR_ONE_BOARD or _ABOUT_OUTPUT.match(argument) for argument in arguments)
    return asked or as_json or not is_interactive(console())


def _with_coverage(board: BoardFile) -> BoardFile:
    """Return the same board with firmware that counts its lines. Raises `UsageError` if it has none."""
    from hil.coverage.board import counting

    if board.kind != EMULATOR:
        raise UsageError(f"--coverage reads the memory of an emulator, and {board.name} is not emulated")
    return counting(board)


def _cards(tree: Tree, board: BoardFile) -> list[BoardFile]:
    """Return the board and, if the same hardware boots Linux from another card, that one, too."""
    linux = tree.board(board.linux_board) if board.linux_board else board
    return [board] if linux.name == board.name or linux.hardware != board.hardware else [board, linux]


def _taken(board: BoardFile, directory: Path) -> str:
    """Return which images come from `directory`, in words. Raises `UsageError` if none does."""
    from hil.board.file.images import images_in

    images = images_in(directory, board.images)
    taken = [f"{name} from {path}" for name, path in images.items() if path != board.images[name]]
    kept = [name for name, path in images.items() if path == board.images[name]]
    return f"{board.name}: {', '.join([*taken, *(f'{name} as in its file' for name in kept)])}"


def choose_board(tree: Tree) -> Choice:
    """Return the first board of the tree's order that can be used here or is free in the lab.

    Raises `BoardUnavailable` if there is none.
    """
    from hil.cli.boards import places_of, why_unavailable_here
    from hil.lab.boards.choice import choose

    places = places_of(tree)
    return choose(tree.order(), lambda name: why_unavailable_here(tree, name, places), places.offers)


def run(tree: Tree, board: BoardFile, arguments: list[str], *, why: str = "") -> tuple[ExitCode, Record | None]:
    """Run pytest in this process; returns our exit code, and the record unless the session did not start.

    `why` is the reason for this board if the user named none.
    """
    import pytest

    from hil.session.entry import plugin_modules

    # Before pytest starts: its hook, which rewrites assertions of plugins, comes before the one that has labgrid
    # imported lazily, and imports it as a whole.
    import_module("labgrid.pytestplugin")
    keeper = _RecordKeeper()
    options = ["--lg-env", str(board.path), *([f"--hil-why={why}"] if why else [])]
    code = pytest.main([*options, *_for_pytest(tree, arguments)], plugins=[*plugin_modules(), keeper])
    is_ours = code in {int(known) for known in ExitCode}
    return ExitCode(code) if is_ours else ExitCode.USAGE, keeper.record


def run_on_several(tree: Tree, seats: Sequence[Seat], arguments: list[str], **more: Any) -> Record:
    """Run pytest in a process per seat; `more` is what `run_on` takes."""
    from hil.session.scheduler.run import run_on

    return run_on(seats, tree.root, _for_pytest(tree, arguments), console(), **more)


def _roles(tree: Tree, boards: Sequence[str]) -> list[Role]:
    """Return the roles that `--board ROLE=NAME` gives to boards, none if none does. Raises `UsageError`."""
    if not any("=" in board for board in boards):
        return []
    named = [split(board) for board in boards]
    refuse_doubles(name for name, _ in named)
    roles = [Role(name, tree.board_path(board).absolute()) for name, board in named]
    users: dict[str, str] = {}
    for role in roles:
        board = tree.board(role.board)
        if board.kind != EMULATOR and (other := users.setdefault(board.hardware, role.name)) != role.name:
            raise UsageError(
                f"{other} and {role.name} would both be {board.hardware}, and there is one", hint="hil boards"
            )
    return roles


def _local_seats(boards: list[BoardFile], number: int, *, each: bool, roles: Sequence[Role]) -> list[Seat]:
    from hil.session.scheduler.run import local_seats, seats_of_roles

    if roles:
        return seats_of_roles([role.board_file for role in roles], number, each=each)
    named = [(board.path, "" if board.kind == EMULATOR else board.hardware) for board in boards]
    return local_seats(named, number, each=each)


def _seats_of_the_lab(tree: Tree, pools: list[str], number: int | None, *, each: bool) -> tuple[list[Seat], list[Role]]:
    """Return the seats for boards of the lab, and the roles of these boards, if they have any. Raises `UsageError`."""
    from hil.cli.lab import find
    from hil.lab.seats import seat_sets, seats

    wanted = [split_pool(pool) for pool in pools]
    if len(wanted) == 1 and not wanted[0][0]:
        return [*seats(find(tree), tree.root, pools[0], number, each=each)], []
    if not all(role for role, _ in wanted):
        raise UsageError("several --pool need roles", hint="--pool client:board=NAME --pool server:board=NAME")
    refuse_doubles(role for role, _ in wanted)
    sets = seat_sets(find(tree), tree.root, dict(wanted), number or 1, each=each)
    return [*sets], [Role(role, seat.board_file.absolute()) for role, seat in sets[0].members.items()]


def _for_pytest(tree: Tree, arguments: list[str]) -> list[str]:
    return [*_options(tree), *arguments]


def _options(tree: Tree) -> list[str]:
    return ["--rootdir", str(tree.root), "-c", str(tree.root / "pyproject.toml"), *QUICK]


def _arguments(context: typer.Context, tree: Tree, arguments: list[str]) -> list[str]:
    """Return the arguments for pytest, with the folder of the suites where they name none.

    Raises `UsageError` if they name what is not there, or select no test, before anything is done for them.
    """
    from hil.session.plugin.markers import CHECKED_ALONE, OURS
    from hil.session.selection import check_selection, selects_plainly

    suites = tree.root / tree.settings.suites
    if not (arguments or suites.is_dir()):
        raise UsageError(
            f"there is no {suites} to run", hint="hil new suite NAME; `suites` of [tool.hil] names another"
        )
    if selects_plainly(arguments, {*OURS} - {*CHECKED_ALONE}):
        return arguments
    known = [name for parameter in context.command.params for name in parameter.opts if name.startswith("-")]
    has_paths = bool(arguments) and check_selection(_options(tree), arguments, suites, known)
    return arguments if has_paths else [*arguments, str(suites)]


class _RecordKeeper:
    """pytest plugin that keeps the record of the session, which `pytest.main` does not return."""

    record: Record | None = None

    def pytest_unconfigure(self, config: pytest.Config) -> None:
        from hil.session.plugin.session import SESSION

        session = config.stash.get(SESSION, None)
        self.record = session.recorder.record if session else None


@contextlib.contextmanager
def _standard_output_for_json(wanted: bool) -> Iterator[None]:
    """Redirect standard output to standard error during the block, for other processes, too."""
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
