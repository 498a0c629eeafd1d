"""The kept lists fit the tree as it is: what they change is there, and so are the tests that they name."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tools.mutants.mutant import Mutant, read_lists

CHECKOUT = Path(__file__).resolve().parents[2]
MUTANTS = [mutant for mutants in read_lists(CHECKOUT / "tools" / "mutants" / "list").values() for mutant in mutants]
SELECTION = re.compile(r"(?P<path>[\w/.-]+)(?:::(?P<test>\w+)(?:\[(?P<parameter>.+)\])?)?")
PROMISE = re.compile(r"^PROMISE\((\w+)\)", re.MULTILINE)


@cache
def functions_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@cache
def promises() -> set[str]:
    return {name for path in (CHECKOUT / "tests" / "service").glob("*.c") for name in PROMISE.findall(path.read_text())}


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.id)
def test_what_a_mutant_changes_stands_there_once(mutant: Mutant) -> None:
    """Whoever moves the code updates the entry: `make mutants` would call it stale, but only at night."""
    for change in mutant.changes:
        assert (CHECKOUT / change.file).read_text().count(change.old) == 1, change.file


@pytest.mark.parametrize("mutant", [mutant for mutant in MUTANTS if mutant.tests], ids=lambda mutant: mutant.id)
def test_the_tests_of_a_mutant_exist(mutant: Mutant) -> None:
    for selection in mutant.tests:
        named = SELECTION.fullmatch(selection)
        assert named, selection
        path = CHECKOUT / named["path"]
        assert path.exists(), selection
        assert named["test"] is None or named["test"] in functions_of(path), selection
        assert named["test"] != "test_promise" or named["parameter"] in promises(), selection
