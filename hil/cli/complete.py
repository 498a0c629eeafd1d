"""Completion in the shell. An error, such as a broken board file, completes nothing and prints nothing."""

from __future__ import annotations

import ast
import os
from pathlib import Path

from hil.errors import HilError
from hil.session.tree import Tree

SEPARATOR = "::"


def boards(incomplete: str) -> list[str]:
    """Return the boards of the tree with this beginning."""
    try:
        return [name for name in Tree.here().board_names() if name.startswith(incomplete)]
    except HilError:
        return []


def platforms(incomplete: str) -> list[str]:
    """Return the platforms that firmware can be built for."""
    from hil.headers import firmware_header

    # The names alone: what reads the declarations takes longer than somebody who has pressed Tab waits.
    found = firmware_header("platform").glob("*/platform.toml")
    return sorted(file.parent.name for file in found if file.parent.name.startswith(incomplete))


def models(incomplete: str) -> list[str]:
    """Return the boards that a new one can be modelled on."""
    from hil.operations.new.board import models as known

    return [name for name in known() if name.startswith(incomplete)]


def places(incomplete: str) -> list[str]:
    """Return the places of the lab."""
    from hil.cli.lab import find
    from hil.lab.client import status

    try:
        return [place.name for place in status(find(Tree.here_or_none())) if place.name.startswith(incomplete)]
    except HilError:
        return []


def runs(incomplete: str) -> list[str]:
    """Return the names of runs, those of the newest first."""
    from hil.record.run import LATEST
    from hil.report.runs import Runs

    try:
        reports = Tree.here().reports
    except HilError:
        return []
    names = [
        *sorted(link.name for link in reports.glob(f"{LATEST}*")),
        *(path.name for path in Runs(reports).paths()[::-1]),
    ]
    return [name for name in names if name.startswith(incomplete)]


def suites(incomplete: str) -> list[str]:
    """Return folders and files of tests, or after `::` the tests in a file."""
    if (divided := _divided_by_bash(incomplete)) is not None:
        file, name = divided
        return [test for test in _tests(Path(file)) if test.startswith(name)]
    file, separator, name = incomplete.partition(SEPARATOR)
    if separator:
        return [f"{file}{SEPARATOR}{test}" for test in _tests(Path(file)) if test.startswith(name)]
    if incomplete.startswith("-"):
        return []
    return _paths(incomplete)


def _divided_by_bash(incomplete: str) -> tuple[str, str] | None:
    """Return the file and the beginning of a test if bash has split them into words at `::`.

    Bash does so as long as the colon is in COMP_WORDBREAKS, and asks for completions of the last word only.
    """
    words = os.environ.get("COMP_WORDS", "").split()
    before = words[: int(os.environ.get("COMP_CWORD") or 0)]
    if incomplete == SEPARATOR and before:
        return before[-1], ""
    return (before[-2], incomplete) if before[-1:] == [SEPARATOR] and len(before) > 1 else None


def _paths(incomplete: str) -> list[str]:
    """Return folders with tests and files of tests with this beginning; the suites if nothing is typed yet."""
    if not incomplete:
        try:
            tree = Tree.here()
        except HilError:
            return []
        folder = tree.root / tree.settings.suites
        incomplete = f"{folder.relative_to(Path.cwd())}/" if folder.is_relative_to(Path.cwd()) else f"{folder}/"
    parent = Path(incomplete) if incomplete.endswith("/") else Path(incomplete).parent
    begin = "" if incomplete.endswith("/") else Path(incomplete).name
    if not parent.is_dir():
        return []
    found = sorted(path for path in parent.iterdir() if path.name.startswith(begin))
    files = [str(path) for path in found if path.name.startswith("test_") and path.suffix == ".py"]
    return [f"{path}/" for path in found if path.is_dir() and any(path.glob("**/test_*.py"))] + files


def _tests(file: Path) -> list[str]:
    """Return the tests in a file, parsed from its text: importing it would take seconds, and might run code."""
    try:
        body = ast.parse(file.read_bytes()).body
    except (OSError, ValueError, SyntaxError):
        return []
    found = []
    for node in body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test"):
            found.append(node.name)
        elif isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            methods = (method.name for method in node.body if isinstance(method, ast.FunctionDef))
            found += [f"{node.name}{SEPARATOR}{name}" for name in methods if name.startswith("test")]
    return found
