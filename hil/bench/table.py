"""Bench results as a table for people and as JSON for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from hil.bench.figures import Section, Series


def show(sections: Sequence[Section], console: Console) -> None:
    """Print one table per section: medians, with their ranges below where samples differ, and the targets."""
    for section in sections:
        names = list(dict.fromkeys(name for row in section.rows for name in row.series))
        table = Table(box=SIMPLE_HEAD, pad_edge=False)
        table.add_column(section.title)
        for name in names:
            table.add_column(name, justify="right", no_wrap=True)
        table.add_column("target", no_wrap=True)
        for row in section.rows:
            cells = [_cell(row.series[name]) if name in row.series else "" for name in names]
            verdicts = "\n".join(f"{'✓' if goal.met else '✗'} {goal.text}" for goal in row.targets)
            table.add_row(row.name, *cells, verdicts)
        console.print(table)
        console.print(f"[dim]{section.how}[/dim]\n")


def as_json(sections: Sequence[Section]) -> dict[str, Any]:
    """Return the results as plain data; samples are kept, so that others can compute what they like."""
    return {
        "schema": 1,
        "sections": [
            {
                "title": section.title,
                "how": section.how,
                "rows": [
                    {
                        "name": row.name,
                        "series": {
                            name: {"unit": one.unit, "median": one.median, "samples": list(one.samples)}
                            for name, one in row.series.items()
                        },
                        "targets": [{"text": goal.text, "met": goal.met} for goal in row.targets],
                    }
                    for row in section.rows
                ],
            }
            for section in sections
        ],
    }


def _cell(series: Series) -> str:
    middle = _quantity(series.median, series.unit)
    if series.high - series.low <= 0.01 * series.median:
        return middle
    return f"{middle}\n[dim]{_quantity(series.low, series.unit)} to {_quantity(series.high, series.unit)}[/dim]"


def _quantity(value: float, unit: str) -> str:
    if unit == "s" and value < 0.9995:
        return f"{1000 * value:.3g} ms"
    number = f"{int(value):,}" if value == int(value) else f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{number} {unit}".rstrip()
