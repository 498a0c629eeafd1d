"""`hil lab`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from hil.cli import complete
from hil.cli.output import console, print_json, print_line
from hil.deadline import Deadline
from hil.errors import ExitCode, InfrastructureError, UsageError
from hil.fittedtable import FittedTable
from hil.paths import HIL
from hil.session.tree import Tree

if TYPE_CHECKING:
    from hil.lab.address import LabAddress

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Share boards through labgrid: a local lab on this machine, and the state of any lab.",
)

EMULATOR = "emulator"
MOST = 1000
"""The most boards, seats or exporters of one machine."""
DETACHED_SECONDS = 270.0
DOWN_SECONDS = 30.0
SIMULATED_BOARDS = 4
PAUSE_SECONDS = 0.1

Directory = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="The directory of the local lab (default: build/lab; outside of a tree, in the user's state directory).",
    ),
]


@app.command()
def up(
    boards: Annotated[
        int, typer.Option(min=0, max=MOST, help="Simulated boards that answer as the monitor does.")
    ] = SIMULATED_BOARDS,
    emulators: Annotated[
        int | None,
        typer.Option(min=0, max=MOST, help="Seats for each emulated board (default: one per processor)."),
    ] = None,
    exporters: Annotated[int, typer.Option(min=1, max=MOST, help="Exporters that share the simulated boards.")] = 1,
    recheck: Annotated[
        float, typer.Option(min=0.1, metavar="SECONDS", help="The interval at which a sick board is checked.")
    ] = 60.0,
    patience: Annotated[
        float, typer.Option(min=4, metavar="SECONDS", help="How long a runner may be silent before it loses its lease.")
    ] = 16.0,
    directory: Directory = None,
    detach: Annotated[bool, typer.Option("--detach", help="Run it in the background; `hil lab down` ends it.")] = False,
) -> None:
    """Start a local lab: labgrid's coordinator and exporters, and the keeper of leases, on loopback only.

    Ctrl-C ends all of it. A part that dies is restarted.

    Examples:
        hil lab up --detach && hil run --pool board=qemu-virt -n 2 suites/service

        hil lab up --boards 64 --exporters 4 --emulators 0
    """
    tree = Tree.here_or_none()
    where = _where(tree, directory)
    emulated = [name for name in tree.board_names() if tree.described(name).kind == EMULATOR] if tree else []
    if emulators and not emulated:
        raise UsageError(
            "no board file of this tree describes an emulated board", hint="--emulators 0, or hil new board NAME"
        )
    if detach:
        _detach(where, sys.argv)
        return
    import asyncio

    from hil.lab.local import LocalLab, LocalLabOptions
    from hil.lab.tls import without_tls

    without_tls()
    seats = emulators if emulators is not None else os.cpu_count() or 1
    wanted = LocalLabOptions(boards, exporters, seats, emulated, recheck, patience)
    lab = LocalLab(tree.root if tree else where, where, wanted, print_line)
    asyncio.run(lab.run())


@app.command()
def down(directory: Directory = None) -> None:
    """End a local lab that runs in the background.

    Example:
        hil lab down
    """
    from hil.lab.local import supervisor

    where = _where(Tree.here_or_none(), directory)
    pid = supervisor(where)
    if not pid:
        raise UsageError(f"no lab is up in {where}", hint="hil lab up")
    os.kill(pid, signal.SIGTERM)
    deadline = Deadline.after(DOWN_SECONDS)
    while supervisor(where):
        if deadline.expired:
            raise InfrastructureError(f"the lab in {where} (process {pid}) did not end within {deadline}")
        time.sleep(PAUSE_SECONDS)


@app.command()
def status(
    directory: Directory = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Show the places of the lab: who holds them, and why boards are out of the pool.

    The lab is the one that LG_COORDINATOR names, else the local lab that runs in this tree.

    Examples:
        hil lab status

        LG_COORDINATOR=lab.example:20408 hil lab status --json
    """
    from hil.lab.client import status as ask

    places = ask(find(Tree.here_or_none(), directory))
    if as_json:
        print_json([asdict(place) for place in places])
        return
    table = FittedTable("place", "board", "health", "state", "tags")
    for place in places:
        others = (f"{key}={value}" for key, value in sorted(place.tags.items()) if key not in {"board", "health"})
        table.add_row(place.name, place.tags.get("board", ""), place.health, place.state, " ".join(others))
    console().print(table)


@app.command()
def check(
    place: Annotated[str, typer.Argument(help="A place of the lab.", autocompletion=complete.places)],
    directory: Directory = None,
) -> None:
    """Check a board as soon as it is free, such as after a repair; `hil lab status` shows the outcome.

    Example:
        hil lab check rpi4-2
    """
    from hil.lab.client import request_check

    request_check(find(Tree.here_or_none(), directory), place)


@app.command()
def trial(
    boards: Annotated[int, typer.Option(min=1, max=MOST, help="Simulated boards.")] = 64,
    exporters: Annotated[int, typer.Option(min=1, help="Exporters that share them.")] = 8,
    cases: Annotated[int, typer.Option(min=1, help="Cases per board.")] = 40,
    seconds: Annotated[float, typer.Option(min=0.01, help="How long a board works on a case.")] = 5.0,
    deaths: Annotated[
        int, typer.Option(min=0, help="How many processes are killed during the run: an exporter and runners.")
    ] = 4,
    seed: Annotated[int, typer.Option(help="The seed by which they are chosen.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Test the lab's own code: run on many simulated boards while parts are killed, count what was lost, and time it.

    The ideal time is that of the cases alone, shared by all boards. The default takes about five minutes.

    Examples:
        hil lab trial

        hil lab trial --boards 8 --exporters 2 --cases 10 --seconds 1 --json
    """
    import tempfile

    from hil.lab.tls import without_tls
    from hil.operations.trial import LabTrial, TrialPlan

    without_tls()
    plan = TrialPlan(boards, exporters, cases, seconds, deaths, seed)
    screen = Console(stderr=True, highlight=False)
    with tempfile.TemporaryDirectory(prefix="hil-trial-") as directory:
        result = LabTrial(Path(directory), plan, screen.print).run()
    if as_json:
        print_json({**asdict(result), "correct": result.correct})
    else:
        table = Table(box=None, show_header=False)
        for name, value in asdict(result).items():
            table.add_row(name.replace("_", " "), ", ".join(value) if isinstance(value, tuple) else str(value))
        console().print(table)
    if not result.correct:
        raise typer.Exit(ExitCode.INFRASTRUCTURE)


def find(tree: Tree | None, directory: Path | None = None) -> LabAddress:
    """Return the lab that `LG_COORDINATOR` names, or the local lab that runs in this tree. Raises `UsageError`."""
    from hil.lab.address import LabAddress
    from hil.lab.local import running_lab
    from hil.lab.tls import without_tls

    if not directory and (given := LabAddress.from_environment()):
        return given
    found = running_lab(_where(tree, directory))
    if found is None:
        raise UsageError(
            "no lab is up in this tree", hint="hil lab up for a local lab; LG_COORDINATOR=HOST:PORT for yours"
        )
    without_tls()
    return found


def _where(tree: Tree | None, directory: Path | None) -> Path:
    """Return the directory of the local lab: each tree has one, and each user one outside of all trees."""
    from hil.paths import state_root

    return (directory or (tree.root / "build" / "lab" if tree else state_root() / "lab")).absolute()


def _detach(where: Path, arguments: list[str]) -> None:
    """Run the same command in the background, and return when its lab is ready."""
    from hil.lab.local import READY, running_lab

    if running_lab(where):
        raise UsageError(f"the lab in {where} is up already", hint="hil lab status, hil lab down")
    where.mkdir(parents=True, exist_ok=True)
    output = where / "up.log"
    with output.open("wb") as log:
        lab = subprocess.Popen(
            [*HIL, *(word for word in arguments[1:] if word != "--detach")],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    deadline = Deadline.after(DETACHED_SECONDS)
    try:
        while not (running_lab(where) and f"\n{READY} " in output.read_text(encoding="utf-8")):
            if lab.poll() is not None or deadline.expired:
                said = output.read_text(encoding="utf-8").strip()
                raise InfrastructureError(f"the lab did not start: {said}", hint=f"look at {where}/*.log")
            time.sleep(PAUSE_SECONDS)
    except BaseException:
        lab.terminate()
        raise
    print_line(output.read_text(encoding="utf-8").rstrip())
