"""Writes a suite to start from."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

from hil.operations.new.names import check_name, write_new

if TYPE_CHECKING:
    from pathlib import Path

SUBJECT = "SUBJECT"


def new_suite(folder: Path, name: str) -> Path:
    """Write the suite `name` below `folder`, return its file. Raises `UsageError` if the name is bad, or taken."""
    check_name("suite", name)
    text = resources.files("hil.operations.new").joinpath("example.py").read_text(encoding="utf-8")
    file = folder / name / f"test_{name.replace('-', '_')}.py"
    write_new(file, text.replace(SUBJECT, name))
    return file
