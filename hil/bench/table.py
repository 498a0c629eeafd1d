"""Bench results as a table for people and as JSON for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from hil.bench.figures import Section, Series


def show(sections: Sequence[Section], console: Console) -> None:
    """Print one table per section: medians, their ranges, and the targets."""
    for section in sections:
        names = list(dict.fromkeys(name for row in section.rows for name in row.series))
        table = Table(title=section.title, caption=section.how, title_justify="left", caption_justify="left")
        table.add_column("quantity")
        for name in names:
            table.add_column(name, justify="right")
        table.add_column("target")
        for row in section.rows:
            cells = [_cell(row.series[name]) if name in row.series else "" for name in names]
            verdicts = "\n".join(f"{'✓' if goal.met else '✗'} {goal.text}" for goal in row.targets)
            table.add_row(row.name, *cells, verdicts)
        console.print(table)


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
    middle = f"{_number(series.median)} {series.unit}"
    if len(series.samples) == 1 or series.low == series.high:
        return middle
    return f"{middle}\n[dim]{_number(series.low)} to {_number(series.high)}[/dim]"


def _number(value: float) -> str:
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
