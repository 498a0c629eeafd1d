"""Images of a board from another directory than its file says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


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


def _in(directory: Path, image: Path) -> Path | None:
    parts = [part for part in image.parts if part not in ("/", "..")]
    candidates = (directory.joinpath(*parts[start:]) for start in range(len(parts)))
    return next((path.absolute() for path in candidates if path.is_file()), None)
