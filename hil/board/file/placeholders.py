"""What a board file leaves for its user to fill in: texts such as `<serial number of the adapter>`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from hil.board.file.document import Document, Problem, dotted
from hil.errors import BoardFileError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hil.board.file.document import Where

_PLACEHOLDER = re.compile(r"(?<!\?)(?<!\?P)<[^<>=!\n]*[A-Za-z][^<>=!\n]*>")
"""Not a named group or a look-behind of a regular expression, such as `(?P<name>...)` or `(?<=...)`."""
_REGULAR_EXPRESSIONS = frozenset({"states", "panics"})
"""Attributes of strategies in which the brackets are those of regular expressions, or of what a board says."""
HINT = "`labgrid-suggest` shows what is plugged in at this machine"


def has_placeholder(text: str) -> bool:
    """Return whether there is something to fill in in a text of a board file."""
    return _PLACEHOLDER.search(text) is not None


def unfilled(path: Path) -> list[Problem]:
    """Return every value of the board file at `path` that still has a placeholder, from top to bottom."""
    document = Document(path)
    document.problems.clear()  # what is no YAML is said elsewhere
    for where, text in _texts((), document.data):
        if match := _PLACEHOLDER.search(text):
            document.problem(where, f"`{dotted(where)}` is not filled in: {match.group()}")
    return sorted(document.problems)


def refuse_unfilled(path: Path) -> None:
    """Raise a `BoardFileError` that names every placeholder of a board file with its line, if there is one."""
    if found := unfilled(path):
        raise BoardFileError("\n".join(problem.at(path) for problem in found), hint=HINT)


def _texts(where: Where, value: Any) -> Iterator[tuple[Where, str]]:
    if isinstance(value, dict):
        for key, inside in value.items():
            if key not in _REGULAR_EXPRESSIONS and key not in {"description", "facts"}:
                yield from _texts((*where, key), inside)
    elif isinstance(value, list):
        for number, inside in enumerate(value):
            yield from _texts((*where, number), inside)
    elif isinstance(value, str):
        yield where, value
