"""The lab's own part of a firmware: what runs on a board's system control processor."""

from __future__ import annotations

import os
from string import Template
from typing import TYPE_CHECKING

from hil.board.file.document import Document, Filled
from hil.errors import BoardFileError

if TYPE_CHECKING:
    from pathlib import Path

IMAGE = "scp"
"""Its key among a board file's images."""


def scp_firmware(board_file: Path) -> Path | None:
    """Return the SCP firmware that a board file names; None when it names none, or there is no such board.

    It comes with the board, and is not in this repository. Raises `BoardFileError` when what is named is not there.
    """
    if not board_file.is_file():
        return None
    document = Document(board_file)
    if document.problems:
        raise BoardFileError(document.problems[0].at(board_file))
    named = (document.data.get("images") or {}).get(IMAGE)
    if named is None:
        return None
    if isinstance(named, Filled):
        named = Template(named).safe_substitute({**os.environ, "BASE": str(board_file.parent)})
    path = (board_file.parent / str(named)).resolve()
    if not path.is_file():
        raise BoardFileError(
            f"{board_file}: `images.{IMAGE}`: there is no {path}",
            doing="looking for the SCP firmware",
            hint="set it to the file that came with the board; without the key, the build makes no fip.bin",
        )
    return path
