"""Pieces of Markdown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table, empty without rows; cells are Markdown in one line."""
    cells = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    if not cells:
        return ""
    return "\n".join(f"| {' | '.join(row)} |" for row in [heads, ["---"] * len(heads), *cells])


def code_block(*lines: str, language: str = "text") -> str:
    """Return lines of code, empty without any."""
    return "\n".join([f"```{language}", *lines, "```"]) if lines else ""


def escaped(text: str) -> str:
    """Return plain text so that Markdown leaves it as it is."""
    return re.sub(r"([<>*_`\[\]])", r"\\\1", text)
