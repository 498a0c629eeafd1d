"""The suites cover every element of the method and every row of the security checklist, and not by markers alone."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tools.mutants.mutant import read_lists

CHECKOUT = Path(__file__).resolve().parents[2]
SUITES = CHECKOUT / "suites"
ELEMENTS = {f"E{number}" for number in range(1, 9)}
CHECKLIST = re.compile(r"^\| row \| attack \|\n\|-+\|-+\|\n((?:\|.*\n)+)", re.MULTILINE)
MODULES = sorted(path.relative_to(SUITES) for path in SUITES.rglob("test_*.py"))
RAISING = {"raises", "require", "fail", "check_signature"}
"""Names whose call can end a test as well as `assert` does."""


def rows_of_the_checklist() -> set[int]:
    """Return the numbers of the rows of docs/threat-model.md."""
    found = CHECKLIST.search((CHECKOUT / "docs" / "threat-model.md").read_text())
    assert found
    return {int(line.split("|")[1]) for line in found[1].splitlines()}


def claimed(marker: str) -> set[object]:
    """Return the arguments of all uses of `pytest.mark.<marker>`."""
    calls = (
        node
        for path in MODULES
        for node in ast.walk(ast.parse((SUITES / path).read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == marker
    )
    return {argument.value for call in calls for argument in call.args if isinstance(argument, ast.Constant)}


def called(function: ast.AST) -> set[str]:
    """Return the names that a function calls, without what they belong to."""
    calls = (node.func for node in ast.walk(function) if isinstance(node, ast.Call))
    names = {call.id for call in calls if isinstance(call, ast.Name)}
    return names | {node.attr for node in ast.walk(function) if isinstance(node, ast.Attribute)}


def can_fail(function: ast.FunctionDef, others: dict[str, ast.FunctionDef], seen: frozenset[str] = frozenset()) -> bool:
    """Whether a function asserts something, itself or in a function of its module that it calls."""
    if any(isinstance(node, ast.Assert) for node in ast.walk(function)) or called(function) & RAISING:
        return True
    helpers = called(function) & others.keys() - seen
    return any(can_fail(others[name], others, seen | helpers) for name in helpers)


def test_every_element_of_the_method_has_a_test() -> None:
    assert claimed("element") == ELEMENTS


def test_every_row_of_the_checklist_has_a_test_and_every_test_a_row_that_exists() -> None:
    assert claimed("threat") == rows_of_the_checklist()


def test_every_row_of_the_checklist_has_a_mutant_that_breaks_it() -> None:
    """`make mutants` shows that a test of the row can fail for what the row says."""
    lists = read_lists(CHECKOUT / "tools" / "mutants" / "list")
    guarded = {row for mutants in lists.values() for mutant in mutants for row in mutant.rows if not mutant.excuse}
    assert guarded == rows_of_the_checklist()


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_every_test_of_the_suites_can_fail(path: Path) -> None:
    tree = ast.parse((SUITES / path).read_text(encoding="utf-8"))
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    tests = [function for name, function in functions.items() if name.startswith("test_")]
    assert [test.name for test in tests if not can_fail(test, functions)] == []
