"""The board files of a run for coverage: the same boards, with images from the builds whose service counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.board.file.boardfile import BoardFile
from hil.board.file.copies import copy_boards
from hil.errors import UsageError
from hil.paths import builds

if TYPE_CHECKING:
    from pathlib import Path


def counting(board: BoardFile) -> BoardFile:
    """Return the board that starts from `build/coverage/` as `board` starts from `build/`.

    Its file, and those of its neighbours, are written to `build/coverage/boards/`. Raises `UsageError` when the board
    starts from nothing in `build/`.
    """
    root = board.path.absolute().parent.parent
    plain, counted = builds(root), builds(root, coverage=True)
    # A build may be a symbolic link to one elsewhere, and images are known by where they really are.
    links = [entry for entry in plain.iterdir() if entry.is_symlink()] if plain.is_dir() else []
    places = {plain.resolve(): counted} | {link.resolve(): counted / link.name for link in links}

    def moved(path: Path) -> Path:
        for place, instead in places.items():
            if path.is_relative_to(place):
                return instead / path.relative_to(place)
        return path

    if all(moved(image) == image for image in board.images.values()):
        raise UsageError(
            f"{board.path} names no image in {plain}, so none whose service could count",
            doing="preparing a run for coverage",
            hint="a board on QEMU with firmware that is built here",
        )

    folder = counted / "boards"
    folder.mkdir(parents=True, exist_ok=True)
    copy_boards(board.path.absolute().parent, folder, moved)
    return BoardFile.read(folder / board.path.name)
