"""The board files of a run for coverage: the same boards, with images from the builds whose service counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.errors import UsageError
from hil.files import write_atomically
from hil.firmware.recipe import COVERAGE

if TYPE_CHECKING:
    from pathlib import Path

BUILD = "../build/"
"""How board files lead to what is built; other paths in them lead elsewhere in the tree."""


def counting(board_file: Path) -> Path:
    """Return the board file that is to `build/coverage/` what `board_file` is to `build/`; its neighbours come along.

    Raises `UsageError` when the board starts from nothing in `build/`.
    """
    if BUILD not in board_file.read_text(encoding="utf-8"):
        raise UsageError(
            f"{board_file} names no image in {BUILD}, so none whose service could count",
            doing="preparing a run for coverage",
            hint="a board on QEMU with firmware that is built here",
        )
    folder = board_file.parent.parent / "build" / COVERAGE / "boards"
    folder.mkdir(parents=True, exist_ok=True)
    for file in board_file.parent.glob("*.yaml"):  # board files name each other
        deeper = file.read_text(encoding="utf-8").replace("../", "../../../").replace(f"../../{BUILD}", "../")
        write_atomically(folder / file.name, deeper.encode())
    return folder / board_file.name
