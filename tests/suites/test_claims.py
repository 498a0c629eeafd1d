"""The suites claim, by marker, to cover every element of the method and the rows of the security checklist."""

from __future__ import annotations

import ast
from pathlib import Path

SUITES = Path(__file__).resolve().parents[2] / "suites"
ELEMENTS = {f"E{number}" for number in range(1, 9)}
ROWS = {1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 17}


def claimed(marker: str) -> set[object]:
    """Return the arguments of all uses of `pytest.mark.<marker>`."""
    calls = (
        node
        for path in SUITES.rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == marker
    )
    return {argument.value for call in calls for argument in call.args if isinstance(argument, ast.Constant)}


def test_every_element_of_the_method_has_a_test() -> None:
    assert claimed("element") == ELEMENTS


def test_every_row_of_the_checklist_that_is_due_has_a_test() -> None:
    assert claimed("threat") >= ROWS
