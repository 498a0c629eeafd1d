"""What a person sees of a run on several boards while it goes on: lines in a log, a picture in a terminal."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Protocol

from rich.live import Live

from hil.record.verdict import count
from hil.report.headlines import why
from hil.report.summary import COLUMNS
from hil.report.text import visible
from hil.session.scheduler.expected import Outlook, durations
from hil.session.scheduler.picture import BAD, Picture

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from rich.console import Console

    from hil.record import Case

CI = "CI"
"""Set by GitLab, GitHub and others: what looks like a terminal there is a log."""


class Progress(Protocol):
    """Is told what happens, in the thread of the run."""

    def seat(self, name: str, state: str) -> None:
        """A seat is in another state, such as `starting`, or runs the test of that name."""

    def stage(self, name: str, stage: str) -> None:
        """The board at a seat was brought into a state."""

    def plan(self, board: str, ids: Iterable[str]) -> None:
        """It is known what is to run on a board."""

    def case(self, case: Case) -> None:
        """A test has ended."""


class Lines:
    """A line for each file of tests that is done, and for each failure at once: for logs."""

    def __init__(self, console: Console, boards: Iterable[str]) -> None:
        self._console = console
        self._width = max(map(len, boards))
        self._start = time.monotonic()
        self._due: Counter[tuple[str, str]] = Counter()
        self._cases: dict[tuple[str, str], list[Case]] = {}

    def seat(self, name: str, state: str) -> None:
        """Say only what is not about a test."""
        if "::" not in state:
            self._say(name, state)

    def stage(self, name: str, stage: str) -> None:
        """Boards boot so often that a log is better off without it; the record has it."""

    def plan(self, board: str, ids: Iterable[str]) -> None:
        """Know when a file is done."""
        self._due.update((board, id.partition("::")[0]) for id in ids)

    def case(self, case: Case) -> None:
        """Say what failed, and how a file went when its last test has ended."""
        if case.outcome in BAD and case.deciding:
            self._say(case.board, f"{case.id} {case.outcome}: {why(case)}")
        file = (case.board, str(case.path))
        done = self._cases.setdefault(file, [])
        done.append(case)
        if len(done) == self._due[file] and (told := tally(done)):
            self._say(case.board, f"{case.path}  {told}  {sum(one.duration for one in done):.1f} s")

    def _say(self, who: str, what: str) -> None:
        elapsed = time.monotonic() - self._start
        self._console.print(f"[{elapsed:7.1f}] {who:{self._width}}  {visible(what)}", markup=False, soft_wrap=True)


def watching(
    console: Console, seats: Mapping[str, str], reports: Path, *, parallel: int = 1
) -> AbstractContextManager[Progress]:
    """Return what shows the progress of a run until the end of the block.

    `seats` are given with the board of each; records in `reports` say how long tests take; `parallel` run at once.
    """
    if draws(console):
        return _picture(console, seats, reports, parallel)
    return contextlib.nullcontext(Lines(console, seats))


def draws(console: Console) -> bool:
    """Whether things can be drawn anew there: on a terminal that can do it, and that a person looks at."""
    return console.is_terminal and not console.is_dumb_terminal and not os.environ.get(CI)


@contextlib.contextmanager
def _picture(console: Console, seats: Mapping[str, str], reports: Path, parallel: int) -> Iterator[Progress]:
    outlook = Outlook()
    threading.Thread(target=_learn, args=(outlook, reports, set(seats.values())), name="history", daemon=True).start()
    picture = Picture(console, seats, outlook, parallel=parallel)
    with Live(picture, console=console, transient=True, refresh_per_second=4):
        yield picture


def _learn(outlook: Outlook, reports: Path, boards: set[str]) -> None:
    """Read what earlier runs say, which may take a while; without it the run goes on all the same."""
    with contextlib.suppress(OSError):
        outlook.learn(durations(reports, boards))


def tally(cases: Iterable[Case]) -> str:
    """Return how many tests ended how, in words, without those that are for other boards."""
    counts = count(cases)
    numbers = ((name, getattr(counts, name)) for name in COLUMNS)
    return ", ".join(f"{number} {name}" for name, number in numbers if number)
