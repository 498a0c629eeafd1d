"""What people read in a file, line by line: Markdown text, docstrings, comments, the help of options."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from markdown_it.token import Token

_CODE = re.compile(r"(`+).+?\1", re.DOTALL)
_ADDRESS = re.compile(r"https?://\S+")
_C_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_DIRECTIVE = re.compile(r"#(!| *(noqa|type:|pragma|SPDX|ruff:|mypy:)).*")
_TO_LINTER = re.compile(r" *# *(noqa|type:|pragma).*")


@dataclass(frozen=True, slots=True)
class Line:
    """A piece of prose and where it stands. `text` has no code in it."""

    path: Path
    number: int
    text: str


def lines_of(path: Path) -> Iterator[Line]:
    """Yield the prose of a file. Files of other kinds than Markdown, Python and C have none."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        found = _markdown(text)
    elif path.suffix == ".py":
        found = _python(text)
    elif path.suffix in {".c", ".h", ".S"}:
        found = _c(text)
    else:
        return
    for number, piece in found:
        # Addresses go first: one may stand between backticks together with other words.
        yield Line(path, number, _ADDRESS.sub(" ", piece))


def parse_markdown(text: str) -> list[Token]:
    """Parse a page as GitHub and the site read it: CommonMark with tables."""
    return MarkdownIt("commonmark").enable("table").parse(text)


def _markdown(text: str) -> Iterator[tuple[int, str]]:
    source = text.split("\n")
    first = last = 0
    for token in parse_markdown(text):
        if token.map:
            first, last = token.map
        at = first
        for child in (token.children or []) if token.type == "inline" else []:
            if child.type in {"text", "image"}:
                # Counting soft breaks would not do: the parser keeps none of those within code.
                ahead = (line for line in range(at, last) if child.content in source[line])
                at = next(ahead, at)
                yield at + 1, child.content


def _python(text: str) -> Iterator[tuple[int, str]]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and not _DIRECTIVE.match(token.string):
            yield token.start[0], _CODE.sub(" ", _TO_LINTER.sub("", token.string))
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield from _numbered(node.value.lineno, node.value.value)
        elif isinstance(node, ast.keyword) and node.arg == "help" and isinstance(node.value, ast.Constant):
            yield from _numbered(node.value.lineno, str(node.value.value))


def _c(text: str) -> Iterator[tuple[int, str]]:
    for match in _C_COMMENT.finditer(text):
        if "SPDX" not in match[0]:
            yield from _numbered(text.count("\n", 0, match.start()) + 1, match[0])


def _numbered(first: int, text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines of a block of text without its code, which may go over several of them."""
    blank = _CODE.sub(lambda code: " " + "\n" * code[0].count("\n"), text)
    yield from enumerate(blank.split("\n"), first)
