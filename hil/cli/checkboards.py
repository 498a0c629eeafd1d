"""`hil boards --check`, `hil boards --keys` and `hil boards --schema`."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from hil.cli.output import console, from_here, print_json, print_line
from hil.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hil.board.file.document import Problem
    from hil.session.tree import Tree

WIDTH_IN_A_PIPE = 160


def check(tree: Tree, names: Iterable[str], *, as_json: bool) -> None:
    """Print the mistakes in board files, given by name or path (default: all); exits with 2 if there are any."""
    from hil.board.file.check import problems
    from hil.board.file.placeholders import unfilled

    files = [_file(tree, name) for name in names] or sorted(tree.board_files.glob("*.yaml"))
    if not files:
        raise UsageError(f"there is no board in {tree.board_files}", hint="hil new board NAME")
    found, notes = {}, {}
    for file in files:
        lost, unbuilt = _missing_images(file)
        open_ends = unfilled(file)
        found[from_here(file)] = sorted([*problems(file), *lost, *(open_ends if names else ())])
        notes[from_here(file)] = sorted([*unbuilt, *(() if names else open_ends)])
    if as_json:
        print_json([{"file": str(file), **asdict(problem)} for file, listed in found.items() for problem in listed])
    else:
        for file, listed in found.items():
            for problem in listed:
                print_line(problem.at(file))
            for note in notes[file]:
                print_line(f"{note.at(file)} (a note)")
            if not listed:
                print_line(f"{file}: good")
    if any(found.values()):
        raise typer.Exit(ExitCode.USAGE)


def _missing_images(file: Path) -> tuple[list[Problem], list[Problem]]:
    """Return the images of a board file that are not there: those that nobody makes, and those that a build makes."""
    from hil.board.file.boardfile import BoardFile
    from hil.board.file.document import Document
    from hil.board.file.images import gone, missing
    from hil.board.file.placeholders import has_placeholder

    document = Document(file)
    if document.problems:
        return [], []  # said already
    board = BoardFile.read(file)
    named = {name: path for name, path in board.images.items() if not has_placeholder(str(path))}
    lost = missing(named)
    unbuilt = {name: path for name, path in named.items() if name not in lost and not path.exists()}
    build = f"`hil build --platform {board.platform}`" if board.platform else "`hil build`"
    for name, path in lost.items():
        document.problem(("images", name), f"`images.{name}`: {gone(path)}")
    wrong = document.problems[:]
    document.problems.clear()
    for name, path in unbuilt.items():
        document.problem(("images", name), f"`images.{name}`: {path.name} is not built; {build} makes it")
    return wrong, document.problems


def show_keys(*, as_json: bool) -> None:
    """Print all keys of a board file."""
    from hil.operations.describe.keys import reference

    parts = reference()
    if as_json:
        print_json({part: [asdict(key) for key in keys] for part, keys in parts.items()})
        return
    out = console(WIDTH_IN_A_PIPE)
    for part, keys in parts.items():
        table = Table(title=part, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, show_header=False)
        for key in keys:
            table.add_row(key.name + (" (required)" if key.required else ""), key.kind, escape(key.meaning))
        if keys:
            out.print(table)


def show_schema(tree: Tree, *, as_json: bool) -> None:
    """Write the JSON Schema for the board files of a tree beside them, or print it."""
    from hil.operations.describe.schema import schema_for, write_schema

    if as_json:
        print_json(schema_for(tree.board_files))
    else:
        print_line(f"{from_here(write_schema(tree.board_files))}: for the drivers of labgrid, of hil and of your own")


def _file(tree: Tree, name: str) -> Path:
    looks_like_path = os.sep in name or name.endswith(".yaml")
    return Path(name) if looks_like_path else tree.board_path(name)
