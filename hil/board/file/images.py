"""Images of a board from another directory than its file says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.board.file.document import Document
from hil.board.file.placeholders import has_placeholder
from hil.errors import UsageError
from hil.paths import builds
from hil.spelling import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MOST_NAMES = 12
"""A folder of more files is not listed where none of them has a name like the one that is missing."""


def images_in(directory: Path, images: Mapping[str, Path]) -> dict[str, Path]:
    """Return `images` with those replaced that `directory` has; what else belongs to a board stays as it is.

    The end of an image's path decides, the longest first: for `../build/qemu-virt/linux/Image` that is
    `qemu-virt/linux/Image` in a directory of builds, `linux/Image` in a build, and `Image`.
    Raises `UsageError` when there is none of them.
    """
    if not directory.is_dir():
        raise UsageError(f"there is no directory {directory}", doing="looking for firmware")
    found = {name: _in(directory, path) for name, path in images.items()}
    if not any(found.values()):
        wanted = ", ".join(sorted({path.name for path in images.values()})) or "no images"
        raise UsageError(f"{directory} has none of the images of this board: {wanted}", doing="looking for firmware")
    return {name: found[name] or path for name, path in images.items()}


def missing(images: Mapping[str, Path]) -> dict[str, Path]:
    """Return those images that are not there.

    Left out are those that a build makes, since `hil build` would say so itself, and those that are not filled in.
    """
    made = builds()
    return {
        name: path
        for name, path in images.items()
        if not (path.exists() or path.is_relative_to(made) or has_placeholder(path.name))
    }


def refuse_missing(board_file: Path, images: Mapping[str, Path]) -> None:
    """Raise `UsageError` with the place in the board file for an image that is not there."""
    if lost := missing(images):
        document = Document(board_file)
        told = [
            f"{board_file}:{document.line(('images', name))}: `images.{name}`: {gone(path)}"
            for name, path in lost.items()
        ]
        raise UsageError("\n".join(told), hint="hil run --firmware DIR takes images from another directory")


def gone(path: Path) -> str:
    """Return what is not there, and what it may be called."""
    beside = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    near = nearest(path.name, beside) if beside and len(beside) < MOST_NAMES else ""
    return f"there is no {path}{near}"


def _in(directory: Path, image: Path) -> Path | None:
    parts = [part for part in image.parts if part not in ("/", "..")]
    candidates = (directory.joinpath(*parts[start:]) for start in range(len(parts)))
    return next((path.absolute() for path in candidates if path.is_file()), None)
