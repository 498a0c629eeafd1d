"""How samples are taken and shown; what they are is for `hil bench` to say."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from hil.operations.bench.figures import Goal, Row, Section, Series, percentile, ratio, take_turns
from hil.operations.bench.table import as_json, show


def test_implementations_take_turns_in_both_orders_and_the_warm_up_is_dropped() -> None:
    order: list[str] = []

    def implementation(name: str) -> float:
        order.append(name)
        return float(len(order))

    series = take_turns({"A": lambda: implementation("A"), "B": lambda: implementation("B")}, 2, "s", warm_up=1)
    assert "".join(order) == "ABBAAB"
    assert series["A"].samples == (4.0, 5.0)
    assert series["B"].samples == (3.0, 6.0)


def test_a_ratio_is_one_of_medians() -> None:
    row = {"ours": Series("s", (1.0, 2.0, 90.0)), "other": Series("s", (4.0,))}
    assert ratio(row, "ours", "other") == 0.5


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [(0.9998, "s", "1 s"), (0.9991, "s", "999 ms"), (0.00123, "s", "1.23 ms"), (12345.0, "bytes", "12,345 bytes")],
)
def test_a_figure_is_shown_in_a_unit_that_suits_it(value: float, unit: str, shown: str) -> None:
    section = Section("title", "how", (Row("quantity", {"ours": Series(unit, (value,))}, (Goal("≤ 2", False),)),))
    out = io.StringIO()
    show([section], Console(file=out, width=100))
    assert shown in out.getvalue()
    assert "✗ quantity: ≤ 2" in out.getvalue()
    document = json.loads(json.dumps(as_json([section])))
    assert document["sections"][0]["rows"][0]["series"]["ours"]["samples"] == [value]


def test_a_range_is_in_the_unit_of_the_median() -> None:
    out = io.StringIO()
    row = Row("quantity", {"ours": Series("s", (0.5, 0.002, 1.5)), "other": Series("", (-0.1, 0.0, 0.2))})
    show([Section("title", "how", (row,))], Console(file=out, width=100))
    assert "2 to 1,500 ms" in out.getvalue()
    assert "-0.1 to 0.2" in out.getvalue()


@pytest.mark.parametrize(("percent", "found"), [(50, 2.0), (75, 3.0), (76, 4.0), (99, 4.0), (0, 1.0)])
def test_a_percentile_is_one_of_the_samples(percent: float, found: float) -> None:
    assert percentile([4.0, 1.0, 3.0, 2.0], percent) == found
