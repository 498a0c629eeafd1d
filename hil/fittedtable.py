"""Tables on a terminal of any width: where one does not fit, its rows become short lists, and no word is cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.cells import cell_len
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console, ConsoleOptions, JustifyMethod, RenderResult

LEAST_TEXT = 30
"""Columns of a terminal: text that is wrapped into less is no pleasure to read."""
NOTHING = frozenset({"", "0"})
"""Cells that a list leaves out."""


class FittedTable:
    """Rows below headings. The first column names the row; columns in `right` are numbers.

    It is a table where all of it fits into the width of the terminal, or does so once its widest column is wrapped, and
    where the output is no terminal: a pipe has no width.
    """

    def __init__(self, *headings: str, right: Sequence[str] = (), plain: bool = False) -> None:
        self._headings = headings
        self._right = frozenset(right)
        self._plain = plain
        self._rows: list[tuple[Text, ...]] = []
        self._ends: set[int] = set()

    def add_row(self, *cells: str | Text) -> None:
        """Add a row; strings are taken as they are, without markup."""
        self._rows.append(tuple(cell if isinstance(cell, Text) else Text(cell) for cell in cells))

    def add_section(self) -> None:
        """Draw a line below the last row."""
        self._ends.add(len(self._rows))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        table = self._table()
        needed = Measurement.get(console, options.update(width=10_000), table).maximum
        if not console.is_terminal:
            yield from console.render(table, options.update(width=max(needed, 1)))
        elif needed <= options.max_width or not self._rows:
            yield table
        elif options.max_width - needed + (wide := max(self._widths())) >= LEAST_TEXT:
            yield self._table(wrapped=self._widths().index(wide))
        else:
            yield from self._lists()

    def _widths(self) -> list[int]:
        columns = range(len(self._headings))
        return [max(cell_len(row[column].plain) for row in self._rows) for column in columns]

    def _table(self, wrapped: int = -1) -> Table:
        table = Table(box=None if self._plain else box.SIMPLE_HEAD)
        for column, heading in enumerate(self._headings):
            justify: JustifyMethod = "right" if heading in self._right else "left"
            table.add_column(heading, justify=justify, no_wrap=column != wrapped, overflow="fold")
        for number, row in enumerate(self._rows, start=1):
            table.add_row(*row, end_section=number in self._ends)
        return table

    def _lists(self) -> RenderResult:
        """Yield a list for each row: its name, and below it what its other cells say."""
        wide = max(len(heading) for heading in self._headings[1:])
        for first, *others in self._rows:
            yield Text.assemble((first.plain, "bold"), overflow="fold")
            cells = Table.grid(padding=(0, 2, 0, 0))
            cells.add_column(min_width=wide + 2, no_wrap=True)
            cells.add_column(overflow="fold")
            for heading, cell in zip(self._headings[1:], others, strict=True):
                if cell.plain not in NOTHING:
                    cells.add_row(f"  {heading}", cell)
            yield cells
