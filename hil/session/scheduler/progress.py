"""Shows the progress of a run on several boards: as lines in a log, as a live display in a terminal."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Protocol

from rich.live import Live

from hil.record.verdict import count
from hil.report.headlines import why
from hil.report.summary import COLUMNS
from hil.report.text import visible
from hil.session.scheduler.display import BAD, LiveDisplay
from hil.session.scheduler.estimate import Estimate, durations
from hil.session.scheduler.terminal import is_interactive

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from rich.console import Console

    from hil.record import Case


class RunProgress(Protocol):
    """Receives what happens in a run, in the thread of the run."""

    def seat(self, name: str, state: str) -> None:
        """Show that a seat changed its state, such as to `starting`, or runs the test of that name."""

    def stage(self, name: str, stage: str) -> None:
        """Show that the board at a seat was brought into a state."""

    def trace(self, name: str, line: str) -> None:
        """Show a line about what is done on the board at a seat."""

    def plan(self, board: str, ids: Iterable[str]) -> None:
        """Take the tests that will run on a board."""

    def case(self, case: Case) -> None:
        """Show that a test has ended."""


class ProgressLog:
    """Prints a line for each file of tests that is done, and for each failure at once: for logs."""

    def __init__(self, console: Console, boards: Iterable[str]) -> None:
        self._console = console
        self._width = max(map(len, boards))
        self._start = time.monotonic()
        self._due: Counter[tuple[str, str]] = Counter()
        self._cases: dict[tuple[str, str], list[Case]] = {}

    def seat(self, name: str, state: str) -> None:
        """Print a change of state, but not each test that starts."""
        if "::" not in state:
            self._say(name, state)

    def stage(self, name: str, stage: str) -> None:
        """Print nothing: boards boot often, and the record has it."""

    def trace(self, name: str, line: str) -> None:
        """Print a line about what is done on the board at a seat."""
        self._say(name, line)

    def plan(self, board: str, ids: Iterable[str]) -> None:
        """Note how many tests each file has, to print a line when it is done."""
        self._due.update((board, id.partition("::")[0]) for id in ids)

    def case(self, case: Case) -> None:
        """Print a failure, and the outcomes of a file when its last test has ended."""
        if case.outcome in BAD and case.deciding:
            self._say(case.board, f"{case.id} {case.outcome}: {why(case)}")
        file = (case.board, str(case.path))
        done = self._cases.setdefault(file, [])
        done.append(case)
        if len(done) == self._due[file] and (outcomes := tally(done)):
            self._say(case.board, f"{case.path}  {outcomes}  {sum(ended.duration for ended in done):.1f} s")

    def _say(self, who: str, what: str) -> None:
        elapsed = time.monotonic() - self._start
        self._console.print(f"[{elapsed:7.1f}] {who:{self._width}}  {visible(what)}", markup=False, soft_wrap=True)


def show_progress(
    console: Console, seats: Mapping[str, str], reports: Path, *, parallel: int = 1
) -> AbstractContextManager[RunProgress]:
    """Show the progress of a run until the end of the block.

    `seats` maps each seat to its board; the durations of tests come from records in `reports`; `parallel` boards run
    at once.
    """
    if is_interactive(console):
        return _live_display(console, seats, reports, parallel)
    return contextlib.nullcontext(ProgressLog(console, seats))


@contextlib.contextmanager
def _live_display(console: Console, seats: Mapping[str, str], reports: Path, parallel: int) -> Iterator[RunProgress]:
    estimate = Estimate()
    threading.Thread(target=_learn, args=(estimate, reports, set(seats.values())), name="history", daemon=True).start()
    display = LiveDisplay(console, seats, estimate, parallel=parallel)
    with Live(display, console=console, transient=True, refresh_per_second=4):
        yield display


def _learn(estimate: Estimate, reports: Path, boards: set[str]) -> None:
    """Read the durations from earlier runs. This may take a while, and the run does not depend on it."""
    with contextlib.suppress(OSError):
        estimate.learn(durations(reports, boards))


def tally(cases: Iterable[Case]) -> str:
    """Return the counts of outcomes in words, without the tests that this board does not support."""
    counts = count(cases)
    numbers = ((name, getattr(counts, name)) for name in COLUMNS)
    return ", ".join(f"{number} {name}" for name, number in numbers if number)
