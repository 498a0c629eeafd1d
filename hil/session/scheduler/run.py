"""Runs suites on several boards: what `hil run` does unless pytest itself drives the only board."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from rich.rule import Rule

from hil.errors import UsageError
from hil.lab.seat import LocalSeat
from hil.record import BoardOfRun, Provenance, Run, quarantine
from hil.report import write_reports
from hil.report.github import tell_github
from hil.report.headlines import headlines, told
from hil.report.summary import CAUSES_SHOWN, summary
from hil.report.text import visible
from hil.session.roles import name_of
from hil.session.scheduler.estimate import durations
from hil.session.scheduler.progress import show_progress
from hil.session.scheduler.scheduler import Scheduler
from hil.session.scheduler.terminal import FOR_ONE_BOARD
from hil.session.tree import record_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from hil.lab.seat import Seat
    from hil.record import Record

EMULATORS_PER_PROCESSOR = 2
"""More emulators at once are slower than one after the other."""


def local_seats(boards: Sequence[tuple[Path, str]], number: int, *, each: bool) -> list[Seat]:
    """Return `number` seats for each board, given as its file and, unless it is emulated, the name of its hardware.

    Tests are distributed to the seats of the same board; with `each`, every seat runs all of them.
    Raises `UsageError` if there are not so many boards.
    """
    most = EMULATORS_PER_PROCESSOR * (os.cpu_count() or 1)
    seats: list[Seat] = []
    for file, hardware in boards:
        board = file.stem
        if number > (1 if hardware else most):
            there = "one" if hardware else f"at most {most} at once on this machine"
            raise UsageError(f"there are no {number} boards {board!r}: {there}")
        for place in range(1, number + 1):
            name = board if number == 1 else f"{board}-{place}"
            seats.append(LocalSeat(name, name if each else board, file, not hardware, hardware))
    return seats


def seats_of_roles(files: Sequence[Path], number: int, *, each: bool) -> list[Seat]:
    """Return `number` seats that each have a board of every file: tests use these together, by their roles."""
    board = name_of([file.stem for file in files])
    names = [board] if number == 1 else [f"{board}-{place}" for place in range(1, number + 1)]
    return [LocalSeat(name, name if each else board, files[0]) for name in names]


def run_on(
    seats: Sequence[Seat],
    root: Path,
    arguments: Sequence[str],
    console: Console,
    *,
    why: str = "",
    retries: int = 0,
    fail_on_flaky: bool = False,
) -> Record:
    """Run pytest with `arguments` at all `seats`, leave one record in the tree at `root`, and show how it went.

    `why` is the reason for these boards if the user named none. A test with a fault of board or lab runs again, up to
    `retries` times; with `fail_on_flaky` the exit code is 1 if tests were flaky and nothing else went wrong.
    """
    if refused := FOR_ONE_BOARD.intersection(arguments):
        raise UsageError(f"{refused.pop()} is for one board at a time", hint="hil run --board NAME")
    quarantine.of_tree(root)  # each process reads it, too, but a mistake in it is reported before any board is leased
    seats_of = Counter(seat.board for seat in seats)
    boards = [BoardOfRun(board, Provenance(), why) for board in seats_of]
    reports, label = record_options(arguments, root)
    run = Run(reports, *boards, root=root, fail_on_flaky=fail_on_flaky, label=label)
    emulated = max(os.cpu_count() or 1, *seats_of.values())
    with show_progress(console, {seat.name: seat.board for seat in seats}, reports, parallel=emulated) as progress:
        shared = [board for board, number in seats_of.items() if number > 1]
        expected = durations(reports, shared) if shared else {}
        scheduler = Scheduler(run, seats, arguments, progress, emulated=emulated, retries=retries, expected=expected)
        record = scheduler.run()
    write_reports(record, run.path)
    _show(record, run.path, console)
    tell_github(record, run.path, root, lambda line: console.print(line, markup=False, soft_wrap=True))
    return record


def _show(record: Record, path: Path, console: Console) -> None:
    bad = [case for case in record.cases if case.deciding and not case.reason]
    for case in bad[:CAUSES_SHOWN]:
        title, *lines = headlines(case)
        console.print(Rule(f"{case.board}: {visible(title)}", characters="_"), markup=False)
        console.print("\n".join(lines), markup=False)
        for fault in case.faults:
            console.print(visible(fault.details or fault.message), markup=False)
        for heading, text in told(case):
            console.print(Rule(heading, characters="-"), markup=False)
            console.print(visible(text), markup=False, soft_wrap=True)
    here = Path.cwd()
    shown = path.relative_to(here) if path.is_relative_to(here) else path
    console.print(summary(record, shown, plain=not console.is_terminal))
