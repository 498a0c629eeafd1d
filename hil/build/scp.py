"""The lab's own part of a firmware: what runs on a board's system control processor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

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
    try:
        images = yaml.safe_load(board_file.read_text(encoding="utf-8")).get("images") or {}
        named = images.get(IMAGE)
    except (yaml.YAMLError, AttributeError) as error:
        raise BoardFileError(f"{board_file} is no board file: {error}") from error
    if named is None:
        return None
    path = (board_file.parent / str(named)).resolve()
    if not path.is_file():
        raise BoardFileError(
            f"{board_file}: `images.{IMAGE}`: there is no {path}",
            doing="looking for the SCP firmware",
            hint="set it to the file that came with the board; without the key, the build makes no fip.bin",
        )
    return path
