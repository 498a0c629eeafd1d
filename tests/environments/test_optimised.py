"""Python without assertions: no test could fail, so none is run."""

from __future__ import annotations

import ast
import sys
from typing import TYPE_CHECKING

import pytest

from tests.cli.checkout import ROOT

if TYPE_CHECKING:
    from tests.environments.commands import Commands

SENTENCE = "Python leaves assertions out, so no test could fail"


@pytest.mark.parametrize("boards", ["--board bare", "--board bare --board linux"])
def test_a_run_without_assertions_is_refused_at_once(tree: Commands, boards: str) -> None:
    done = tree.shell(f"hil run {boards} --no-build", variables={"PYTHONOPTIMIZE": "1"})
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {SENTENCE}\n  try: no -O")
    assert not (tree.path / "reports").exists()


def test_pytest_without_assertions_is_refused_too(tree: Commands) -> None:
    board = tree.path / "boards" / "bare.yaml"
    done = tree.shell(f'"{sys.executable}" -O -m pytest --rootdir . --lg-env "{board}" suites')
    assert done.returncode == 2
    assert SENTENCE in done.stdout + done.stderr
    assert not (tree.path / "reports").exists()


def test_other_commands_need_no_assertions(tree: Commands) -> None:
    assert tree.shell("hil run --board bare --no-build").returncode == 0
    for command in ("boards --json", "report", "boards --check", "--version"):
        plain, optimised = (tree.shell(f"hil {command}", variables=each) for each in ({}, {"PYTHONOPTIMIZE": "2"}))
        assert (optimised.returncode, optimised.stdout) == (plain.returncode, plain.stdout)


def test_no_assertion_of_ours_does_work() -> None:
    """Calls in an assertion would be left out with it; what only looks is fine."""
    harmless = {"isinstance", "is_file", "is_dir", "all", "any", "len", "set", "startswith"}
    found = [
        f"{path.relative_to(ROOT)}:{statement.lineno}"
        for path in (ROOT / "hil").rglob("*.py")
        if path.name not in {"example.py"}  # a suite to start from
        for statement in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(statement, ast.Assert)
        for call in ast.walk(statement.test)
        if isinstance(call, ast.Call) and getattr(call.func, "attr", getattr(call.func, "id", "")) not in harmless
    ]
    assert found == []
