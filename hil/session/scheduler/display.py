"""The live display of a run in a terminal: a line per board that is redrawn as the run goes on, failures above."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from rich.console import Group
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from hil.record.case import Outcome
from hil.record.verdict import count
from hil.report.headlines import headlines
from hil.report.summary import COLUMNS
from hil.report.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rich.console import Console, RenderableType

    from hil.record import Case
    from hil.session.scheduler.estimate import Estimate

BAD = {Outcome.FAILED: "red", Outcome.ERROR: "magenta"}
DONE = "done"
WIDE = 100
"""From this width on there is room for a bar, and for the counts of good outcomes."""
BAR = 16
GOOD = ("passed", "xfailed", "skipped")


class LiveDisplay:
    """Shows the progress of `seats`, a map from seat to board, on `console`, with the time left by `estimate`.

    `parallel` boards run at once; `spent` is the time in seconds since the run began.
    """

    def __init__(
        self,
        console: Console,
        seats: Mapping[str, str],
        estimate: Estimate,
        *,
        parallel: int = 1,
        spent: float = 0.0,
    ) -> None:
        self._console = console
        self._seats = seats
        self._estimate = estimate
        self._parallel = parallel
        self._start = time.monotonic() - spent
        self._states: dict[str, str] = {}
        self._stages: dict[str, str] = {}
        self._planned: Counter[str] = Counter()
        self._counts: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def seat(self, name: str, state: str) -> None:
        """Show the state of a seat."""
        self._states[name] = state

    def stage(self, name: str, stage: str) -> None:
        """Show the state that the board at a seat has reached."""
        self._stages[name] = stage

    def trace(self, name: str, line: str) -> None:
        """Print a line about what is done on the board at a seat above the display."""
        self._console.print(Text(f"{name}: {visible(line)}", "dim"), soft_wrap=True)

    def plan(self, board: str, ids: Iterable[str]) -> None:
        """Add tests to the total of a board."""
        for id in ids:
            self._planned[board] += 1
            self._estimate.plan(board, id)

    def case(self, case: Case) -> None:
        """Count a test that has ended, and print a failure above the display."""
        counted = count((case,))
        self._counts[case.board].update({name: getattr(counted, name) for name in (*COLUMNS, "unfit")})
        self._estimate.end(case.board, case.id, case.duration)
        if case.deciding and (style := BAD.get(case.outcome)):
            first, *others = headlines(case)
            self._console.print(Text(f"{case.board}: {visible(first)}", style), *map(Text, others), sep="\n")

    def __rich__(self) -> RenderableType:
        """Draw the display for the current size of the terminal."""
        room = self._console.height - 2
        boards = dict.fromkeys(self._seats.values())
        seats = {board: [name for name, of in self._seats.items() if of == board] for board in boards}
        rows = [(board, own if len(own) > 1 else []) for board, own in seats.items()]
        if sum(1 + len(own) for _, own in rows) > room:
            rows = [(board, []) for board, _ in rows]
        hidden = 0
        if len(rows) > room:
            rows = [row for row in rows if any(self._states.get(name) != DONE for name in seats[row[0]])]
            hidden = len(boards) - len(rows[: max(room - 1, 1)])
            rows = rows[: max(room - 1, 1)]
        wide = self._console.width >= WIDE
        table = Table.grid(padding=(0, 2), expand=True)
        table.add_column(no_wrap=True, overflow="ellipsis", max_width=self._console.width // 3)
        for _ in range(4 if wide else 3):
            table.add_column(no_wrap=True)
        table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        for board, own in rows:
            doing = "" if own else self._doing(*seats[board])
            table.add_row(Text(board, "bold"), *self._figures(board, len(seats[board]), wide=wide), Text(doing, "dim"))
            for name in own:
                blank = [""] * (4 if wide else 3)
                table.add_row(Text(f"  {name}"), *blank, Text(self._doing(name), "dim"))
        more = [Text(f"and {hidden} more boards", "dim")] if hidden else []
        return Group(table, *more, self._clock())

    def _figures(self, board: str, seats: int, *, wide: bool) -> list[RenderableType]:
        counts, planned = self._counts[board], self._planned[board]
        ended = sum(counts.values())
        shown = [name for name in COLUMNS if counts[name] and (wide or name not in GOOD)]
        words = Text(", ").join(
            Text(f"{counts[name]} {name}", "" if name in GOOD else "red" if name == "failed" else "yellow")
            for name in shown
        )
        left = self._estimate.left(board) / max(seats, 1)
        figures: list[RenderableType] = [f"{ended}/{planned}" if planned else "", words]
        if wide:
            style = "red" if counts["failed"] else "yellow" if set(shown) - {*GOOD} else "green"
            bar = ProgressBar(max(planned, 1), ended, BAR, complete_style=style, finished_style=style)
            figures.insert(0, bar)
        return [*figures, clock(left) if planned and ended < planned and self._estimate.is_known else ""]

    def _doing(self, *names: str) -> str:
        """Return what the first seat that is not done does: its test without the folder, or the state of its board."""
        name = next((seat for seat in names if self._states.get(seat) != DONE), names[0])
        state = self._states.get(name, "waiting")
        if "::" in state:
            return visible(state.rpartition("/")[2])
        stage = self._stages.get(name, "")
        return visible(f"{state}, {stage}" if stage and state != DONE else state)

    def _clock(self) -> Text:
        """Return the time spent and the time left: that of the slowest board, or of all boards if they take turns."""
        spent = clock(time.monotonic() - self._start)
        each = [self._estimate.left(board) for board in self._planned]
        left = max([*each, sum(each) / max(self._parallel, 1)], default=0.0)
        about = f", about {clock(left)} left" if self._estimate.is_known and left else ""
        return Text(spent + about, "dim", no_wrap=True, overflow="ellipsis")


def clock(seconds: float) -> str:
    """Return a duration as minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
