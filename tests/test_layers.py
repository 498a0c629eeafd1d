"""The layers hold for what imports do not show: modules that are named in strings."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
DATA: dict[str, set[str] | None] = {
    "hil/api.py": None,  # the list of public names is about names
    "hil/board/file/classes.py": {"hil.drivers", "hil.strategies"},  # what board files say
}
"""Names that are not imported where they stand, by file; None: all of them."""
MODULE = re.compile(r"hil(?:\.[a-z_]\w*)+")


def _ranks() -> dict[str, int]:
    """Return the line of each top-level part of hil in the contract; the lowest line is 0."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract.get("containers") == ["hil"])
    return {name: rank for rank, line in enumerate(reversed(layers)) for name in line.split(" | ")}


def _is_module(name: str) -> bool:
    place = ROOT.joinpath(*name.split("."))
    return place.is_dir() or place.with_suffix(".py").is_file()


def _named_in_strings(source: str) -> set[str]:
    """Return the modules of hil that a source names in strings, with docstrings left out."""
    tree = ast.parse(source)
    documentation = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    strings = (
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation
    )
    return {name for text in strings if (name := text.partition(":")[0]) and MODULE.fullmatch(name)}


def test_a_module_named_in_a_string_stands_in_a_lower_layer() -> None:
    ranks = _ranks()
    upward = []
    for file in sorted((ROOT / "hil").rglob("*.py")):
        path = file.relative_to(ROOT)
        own = path.with_suffix("").parts[1]
        allowed = DATA.get(str(path), set())
        for name in _named_in_strings(file.read_text(encoding="utf-8")):
            other = name.split(".")[1]
            is_upward = other != own and _is_module(name) and ranks[other] >= ranks[own]
            if is_upward and allowed is not None and name not in allowed:
                upward.append(f"{path} names {name}")
    assert upward == []


def test_strings_that_name_modules_are_found() -> None:
    source = '"""hil.cli in a docstring."""\nX = ("hil.board", "hil.cli:main", "not hil.lab")\n'
    assert _named_in_strings(source) == {"hil.board", "hil.cli"}
