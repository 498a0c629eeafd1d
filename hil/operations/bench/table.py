"""Bench results as a table for people and as JSON for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.text import Text

from hil.fittedtable import FittedTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from hil.operations.bench.figures import Section, Series


def show(sections: Sequence[Section], console: Console) -> None:
    """Print one table per section: medians, with their ranges below where samples differ; and the targets below it."""
    for section in sections:
        names = list(dict.fromkeys(name for row in section.rows for name in row.series))
        table = FittedTable(section.title, *names, right=names)
        for row in section.rows:
            cells = [_cell(row.series[name]) if name in row.series else "" for name in names]
            table.add_row(row.name, *map(Text.from_markup, cells))
        console.print(table)
        for row in section.rows:
            for goal in row.targets:
                console.print(f"{'✓' if goal.met else '✗'} {row.name}: {goal.text}")
        console.print(f"[dim]{section.how}[/dim]\n", soft_wrap=False)


def as_json(sections: Sequence[Section]) -> dict[str, Any]:
    """Return the results as plain data, with all samples for other statistics."""
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
                            name: {"unit": series.unit, "median": series.median, "samples": list(series.samples)}
                            for name, series in row.series.items()
                        },
                        "targets": [{"text": goal.text, "met": goal.met} for goal in row.targets],
                        "latencies": {name: list(seconds) for name, seconds in row.latencies.items()},
                    }
                    for row in section.rows
                ],
            }
            for section in sections
        ],
    }


def _cell(series: Series) -> str:
    """Return the median, and below it the range of the samples in the same unit, if there is one."""
    scale, unit = (1000, "ms") if series.unit == "s" and series.median < 0.9995 else (1, series.unit)
    middle, low, high = (_number(scale * value) for value in (series.median, series.low, series.high))
    suffix = f" {unit}" if unit else ""
    if series.high - series.low <= 0.01 * series.median:
        return f"{middle}{suffix}"
    return f"{middle}{suffix}\n[dim]{low} to {high}{suffix}[/dim]"


def _number(value: float) -> str:
    return f"{int(value):,}" if value == int(value) else f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
