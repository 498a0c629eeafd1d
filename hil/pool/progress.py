"""What a person sees of a run on several boards while it goes on."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from typing import TYPE_CHECKING, Protocol

from rich.live import Live
from rich.table import Table
from rich.text import Text

from hil.record.case import Outcome
from hil.record.verdict import count
from hil.report.summary import COLUMNS
from hil.report.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from rich.console import Console

    from hil.record import Case

BAD = {Outcome.FAILED: "red", Outcome.ERROR: "magenta"}


class Progress(Protocol):
    """Is told what happens, in the thread of the run."""

    def seat(self, name: str, state: str) -> None:
        """A seat is in another state, such as `starting`, or runs the test of that name."""

    def plan(self, board: str, ids: Iterable[str]) -> None:
        """It is known what is to run on a board."""

    def case(self, case: Case) -> None:
        """A test has ended."""


class Lines:
    """A line for each file of tests that is done, and for each failure at once: for logs."""

    def __init__(self, console: Console, boards: Sequence[str]) -> None:
        self._console = console
        self._width = max(map(len, boards))
        self._start = time.monotonic()
        self._due: Counter[tuple[str, str]] = Counter()
        self._cases: dict[tuple[str, str], list[Case]] = {}

    def seat(self, name: str, state: str) -> None:
        """Say only what is not about a test."""
        if "::" not in state:
            self._say(name, state)

    def plan(self, board: str, ids: Iterable[str]) -> None:
        """Know when a file is done."""
        self._due.update((board, id.partition("::")[0]) for id in ids)

    def case(self, case: Case) -> None:
        """Say what failed, and how a file went when its last test has ended."""
        if case.outcome in BAD:
            self._say(case.board, f"{case.id} {case.outcome}: {_why(case)}")
        file = (case.board, str(case.path))
        done = self._cases.setdefault(file, [])
        done.append(case)
        if len(done) == self._due[file] and (told := tally(done)):
            self._say(case.board, f"{case.path}  {told}  {sum(one.duration for one in done):.1f} s")

    def _say(self, who: str, what: str) -> None:
        elapsed = time.monotonic() - self._start
        self._console.print(f"[{elapsed:7.1f}] {who:{self._width}}  {visible(what)}", markup=False, soft_wrap=True)


class Picture:
    """A line per seat that is drawn anew as things go on, and failures above it: for terminals."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._states: dict[str, str] = {}
        self._planned: Counter[str] = Counter()
        self._cases: dict[str, list[Case]] = {}

    def seat(self, name: str, state: str) -> None:
        """Show what a seat does."""
        self._states[name] = state
        self._draw()

    def plan(self, board: str, ids: Iterable[str]) -> None:
        """Show how much there is."""
        self._planned[board] += len(list(ids))

    def case(self, case: Case) -> None:
        """Count, and show a failure."""
        self._cases.setdefault(case.board, []).append(case)
        if style := BAD.get(case.outcome):
            line = f"{case.board}: {case.id} {case.outcome}: {_why(case)}"
            self._live.console.print(Text(visible(line), style))

    def _draw(self) -> None:
        table = Table.grid(padding=(0, 2))
        for board, planned in self._planned.items():
            cases = self._cases.get(board, [])
            table.add_row(Text(board, "bold"), Text(f"{len(cases)}/{planned}  {tally(cases)}"))
        for name, state in self._states.items():
            short = state.rpartition("/")[2] if "::" in state else state
            table.add_row(Text(name), Text(visible(short), "dim", overflow="ellipsis", no_wrap=True))
        self._live.update(table)


def watching(console: Console, boards: Sequence[str]) -> AbstractContextManager[Progress]:
    """Return what shows the progress of a run on `boards` until the end of the block."""
    return _picture(console) if console.is_terminal else contextlib.nullcontext(Lines(console, boards))


@contextlib.contextmanager
def _picture(console: Console) -> Iterator[Progress]:
    with Live(console=console, transient=True, refresh_per_second=8) as live:
        yield Picture(live)


def tally(cases: Iterable[Case]) -> str:
    """Return how many tests ended how, in words, without those that are for other boards."""
    counts = count(cases)
    numbers = ((name, getattr(counts, name)) for name in COLUMNS)
    return ", ".join(f"{number} {name}" for name, number in numbers if number)


def _why(case: Case) -> str:
    return case.faults[0].message if case.faults else case.reason
