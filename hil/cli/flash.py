"""`hil flash`."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import TransferSpeedColumn as SpeedColumn

from hil.cli import complete
from hil.cli.output import from_here, print_json, print_line
from hil.errors import UsageError
from hil.lab.boards.hold import held
from hil.session.tree import DEFAULT_BOARD, Tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hil.board.file.boardfile import BoardFile
    from hil.board.flash import FlashPhase, FlashPlan, FlashState, Meter, Payload

FIP = "fip.bin"


def command(
    board: Annotated[str, typer.Option(help="A board of boards/.", autocompletion=complete.boards)] = DEFAULT_BOARD,
    force: Annotated[
        bool, typer.Option("--force", help="Write the images even if they are on the medium already.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be written, and where.")] = False,
    build: Annotated[bool, typer.Option("--build/--no-build", help="Bring the images up to date first.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Write a board's images to its medium, and verify them; the board is off afterwards.

    The hash of the images is kept, so that the same images are not written again. A flash that fails, or is
    interrupted, leaves the board dirty: no command boots it until it has been flashed without an error.

    Examples:
        hil flash --board rpi4 --dry-run

        hil flash --board juno --force
    """
    chosen = Tree.here().board(board)
    if build:
        from hil.board.builds import bring_up_to_date

        bring_up_to_date(chosen)
    from hil.board.drivers.flashnotes import flash_memory
    from hil.board.file import labgridenv
    from hil.lab.places import connect_places

    env = labgridenv.load(chosen.path)
    connect_places(env)
    try:
        strategy = labgridenv.target(env).get_strategy()
        if dry_run:
            plan = strategy.board.flash_plan()
            _show_plan(board, plan, force=force, as_json=as_json)
            if plan.missing:
                raise UsageError(f"{board} lacks {', '.join(plan.missing)}", hint=_how_to_get(plan.missing, chosen))
            return
        began = time.monotonic()
        try:
            with held(chosen), _meter() as meter:
                result = strategy.flash(force=force, meter=meter)
        except KeyboardInterrupt:
            state = flash_memory(strategy.target).read()
            if state is None or state.clean:
                raise
            raise UsageError(
                f"{board}: the flash was interrupted, so the board is dirty, and no command boots it",
                hint=f"hil flash --board {board}",
            ) from None
        if not result.payload.files:
            raise UsageError(f"{board} has no flasher in its board file", hint="add a flasher; docs/flash.md shows how")
        if as_json:
            print_json({"board": board, "written": result.written, **_plain(result.medium, result.payload)})
        elif result.written:
            rate = result.payload.size / (time.monotonic() - began) / 1e6
            what = f"{result.payload.digest[:12]} on {result.medium} ({rate:.1f} MB/s)"
            print_line(f"{board}: flashed and read back, {what}")
        else:
            print_line(f"{board}: {result.payload.digest[:12]} is on {result.medium} already; --force writes it again")
    finally:
        env.cleanup()


def _how_to_get(missing: Iterable[str], board: BoardFile) -> str:
    from hil.board.file.boardfile import SCP

    if SCP not in board.images and any(place.endswith(FIP) for place in missing):
        return f"{FIP} needs the SCP firmware that came with the board: `images: {SCP}:` in {from_here(board.path)}"
    return "hil build"


def _show_plan(board: str, plan: FlashPlan, *, force: bool, as_json: bool) -> None:
    writes = force or not plan.unchanged
    if as_json:
        known = asdict(plan.state) if plan.state else None
        print_json(
            {
                "board": board,
                "would_write": writes,
                "found": plan.found,
                "missing": plan.missing,
                "contents": [asdict(file) for file in plan.contents.files] if plan.contents else [],
                "steps": plan.steps,
                "state": known,
                **_plain(plan.medium, plan.payload),
            }
        )
        return
    verdict = "cannot be written, images are missing" if plan.missing else "would be written"
    print_line(f"{board}: {verdict if writes else 'nothing to do'}; {_known(plan.state)}")
    print_line(f"medium: {plan.medium}")
    if plan.found:
        print_line(f"found:  {plan.found}")
    for place, why in plan.missing.items():
        print_line(f"{place}: {why}")
    for indent, payload in (("", plan.payload), ("  ", plan.contents)):
        for file in payload.files if payload else ():
            print_line(f"{indent}{file.destination}: {file.size} bytes, SHA-256 {file.sha256[:12]}, from {file.source}")
    for number, step in enumerate(plan.steps if writes else (), 1):
        print_line(f"{number}. {step}")


def _known(state: FlashState | None) -> str:
    if state is None:
        return "not known to be flashed"
    if not state.clean:
        return "it is dirty: its last flash failed or was interrupted"
    return f"flashed {state.finished} with {state.digest[:12]}"


def _plain(medium: str, payload: Payload) -> dict[str, Any]:
    return {"medium": medium, "digest": payload.digest, "files": [asdict(file) for file in payload.files]}


@contextmanager
def _meter() -> Iterator[Meter]:
    """Show progress on standard error: a bar with rates on a terminal, else lines."""
    screen = Console(stderr=True, highlight=False)
    if not screen.is_terminal:
        yield _Lines(screen)
        return
    columns = (TextColumn("{task.description:12}"), BarColumn(), DownloadColumn(), SpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=screen) as progress:
        tasks: dict[FlashPhase, TaskID] = {}

        def show(work: FlashPhase, done: int, total: int) -> None:
            if work not in tasks:
                tasks[work] = progress.add_task(work, total=total)
            progress.update(tasks[work], completed=done)

        yield show


class _Lines:
    """Prints a line when each kind of work begins and ends."""

    def __init__(self, screen: Console) -> None:
        self._screen = screen
        self._began: dict[FlashPhase, float] = {}

    def __call__(self, work: FlashPhase, done: int, total: int) -> None:
        if work not in self._began:
            self._began[work] = time.monotonic()
            self._screen.print(f"{work} {total} bytes ...", markup=False)
        if done == total:
            rate = total / max(time.monotonic() - self._began[work], 1e-6) / 1e6
            self._screen.print(f"{work}: {rate:.1f} MB/s", markup=False)
