"""Output of commands: for people, or as JSON for programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.console import Console


def console(width_in_a_pipe: int | None = None) -> Console:
    """Return the console for people. In a pipe it is plain, and has the given width."""
    found = Console(highlight=False, soft_wrap=True)
    if width_in_a_pipe and not found.is_terminal:
        found.width = width_in_a_pipe
    return found


def print_line(text: str) -> None:
    """Print one line as it is, without markup."""
    console().print(text, markup=False)


def from_here(path: Path) -> Path:
    """Return `path` relative to the current directory, if it is below it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def print_json(value: Any) -> None:
    """Print one JSON document."""
    print(json.dumps(value, indent=2, default=str))
