"""Terminals, locales and paths that are not UTF-8, or not ASCII: nothing fails for a character."""

from __future__ import annotations

import ast
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import hil
from hil.record import Verdict
from tests.environments.commands import Commands

if TYPE_CHECKING:
    from collections.abc import Iterator

ONE = "hil run --board bare --no-build"
TWO = "hil run --board bare --board linux --no-build"
SAYING = """
def test_a(monitor):
    monitor.say("ünïcode → ✓ \\u0000 ".encode() + b"\\xff\\n")
    assert 1 == 2, "größer als → erlaubt"
"""
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
"""Python's answer to the C locale is UTF-8; without it, this is what a locale of another encoding is like."""
LATIN = {"PYTHONIOENCODING": "latin-1"}
UTF8 = {"LC_ALL": "POSIX"}


@pytest.mark.parametrize("variables", [ASCII, LATIN, {"PYTHONIOENCODING": "ascii"}, UTF8])
def test_a_run_shows_what_it_can_and_records_the_rest(tree: Commands, variables: dict[str, str]) -> None:
    tree.suite(SAYING)
    for run in (ONE, TWO) if variables is ASCII else (TWO,):
        done = tree.shell(run, variables=variables)
        assert done.returncode == 1, done.stdout + done.stderr
        assert "Error" not in done.stderr
        assert ("größer als → erlaubt" if variables == UTF8 else "er als -> erlaubt") in done.stdout
        assert tree.record.cases[0].faults[0].message == "größer als → erlaubt"
        (raw,) = (
            (tree.path / "reports/latest").glob("*/monitor.raw")
            if run == ONE
            else [tree.path / "reports/latest/bare/monitor.raw"]
        )
        assert b"\xff" in raw.read_bytes()
        assert "größer als" in (tree.path / "reports/latest/junit.xml").read_text(encoding="utf-8")


def test_a_board_file_may_have_any_character(tree: Commands) -> None:
    board = (tree.path / "boards" / "bare.yaml").read_text()
    described = board.replace("a board without hardware", "Größe → 1 µs ≤ 2 …")
    (tree.path / "boards" / "bare.yaml").write_text(f"# Übung\n{described}", encoding="utf-8")
    for command in ("hil boards", "hil boards --check", ONE):
        done = tree.shell(command, variables=ASCII)
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.isascii()


def test_plain_pytest_says_at_once_that_labgrid_cannot_read_the_board_file(tree: Commands) -> None:
    board = tree.path / "boards" / "bare.yaml"
    board.write_text(f"# Übung\n{board.read_text()}", encoding="utf-8")
    line = f"{sys.executable} -m pytest suites --lg-env boards/bare.yaml"
    done = tree.shell(line, variables=ASCII)
    said = done.stdout + done.stderr
    assert done.returncode == 2, said
    assert "boards/bare.yaml has characters that are not ASCII, and labgrid would read it as" in said
    assert "PYTHONUTF8=1" in said
    assert "Traceback" not in said
    done = tree.shell(line, variables={**ASCII, "PYTHONUTF8": "1"})
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", [b"M\xc3\xbcller, \xe2\x86\x92", b"M\xfcller", b'it\'s "so"'])
@pytest.mark.parametrize("variables", [{}, ASCII])
def test_a_tree_may_be_anywhere(tmp_path: Path, name: bytes, variables: dict[str, str]) -> None:
    tree = Commands(tmp_path / os.fsdecode(name) / "tree")
    tree.path.mkdir(parents=True)
    tree.fill()
    for run in (ONE, TWO, "hil report", "hil boards --json"):
        done = tree.shell(run, variables=variables)
        assert done.returncode == 0, done.stdout + done.stderr
    assert tree.record.verdict is Verdict.PASSED


def test_no_file_is_read_or_written_in_the_encoding_of_the_locale() -> None:
    package = Path(hil.__file__).parent
    found = [
        f"{path.relative_to(package.parent)}:{call.lineno}"
        for path in package.rglob("*.py")
        for call in _texts(ast.parse(path.read_text(encoding="utf-8")))
        if "encoding" not in {keyword.arg for keyword in call.keywords}
    ]
    assert found == []


def _texts(tree: ast.AST) -> Iterator[ast.Call]:
    """Yield the calls that open a file for text, or run a program for text."""
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call):
            continue
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        mode = call.args[-1].value if call.args and isinstance(call.args[-1], ast.Constant) else None
        opens = name in {"open", "fdopen"} and isinstance(mode, str) and set(mode) <= set("rwax+")
        runs = {"text", "universal_newlines"} & {keyword.arg for keyword in call.keywords}
        reads = name == "read_text" and not call.args  # Path's only argument is the encoding; a distribution's, a name
        if reads or name == "write_text" or opens or runs:
            yield call
