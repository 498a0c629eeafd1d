"""A tree like this checkout, which the commands of a page may change."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

from hil.firmware import build
from hil.paths import builds
from tests.docs.blocks import ROOT

if TYPE_CHECKING:
    from pathlib import Path

COPIED = ("boards", "suites")
LINKED = ("conftest.py", "pyproject.toml", "firmware", "docs")


def copy_tree(tree: Path, *linked: str) -> None:
    """Copy what pages write to, and link the rest, with the firmware that is built; `linked` names more."""
    build("qemu-virt")
    for name in COPIED:
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in (*LINKED, *linked):
        (tree / name).symlink_to(ROOT / name)
    (tree / ".venv").symlink_to(sys.prefix)
    (tree / "build").mkdir()
    builds(ROOT, coverage=True).mkdir(exist_ok=True)
    for directory in (ROOT / "build").iterdir():
        if directory.name != "lab":
            (tree / "build" / directory.name).symlink_to(directory)
