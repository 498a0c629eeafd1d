"""Writes a board file to start from: a copy of one that works, with a comment on each part."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hil.board.file.boardfile import BoardFile
from hil.board.file.document import Document
from hil.board.file.images import images_in
from hil.board.file.keys import BOARD_OPTIONS, MODELINE, TARGET, TOP
from hil.errors import UsageError
from hil.operations.new.names import check_name, write_new
from hil.paths import shipped

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHIPPED = shipped("boards")
"""The board files of hil itself: in an installed package, or in the checkout."""
OTHERS = shipped("examples/other-boards/boards")
"""Files of boards that hil itself does not run on; what they say at their head goes into the copy."""


def models() -> list[str]:
    """Return the boards that a new one can be modelled on, those that hil itself runs on first."""
    return [name for folder in (SHIPPED, OTHERS) for name in sorted(path.stem for path in folder.glob("*.yaml"))]


def new_board(folder: Path, name: str, like: str, firmware: Path | None = None) -> Path:
    """Write `folder`/`name`.yaml after the board `like`; its images are those of `firmware`, if that is given.

    Raises `UsageError` for an unusable name, an unknown model, no images in `firmware`, and when the file is there.
    """
    check_name("board", name)
    if like not in models():
        raise UsageError(f"board {like!r} does not exist, so none can be modelled on it", hint=" or ".join(models()))
    ours = (SHIPPED / f"{like}.yaml").is_file()
    model, file = (SHIPPED if ours else OTHERS) / f"{like}.yaml", folder / f"{name}.yaml"
    document, written = Document(model), model.read_text(encoding="utf-8").splitlines()
    replaced = dict(_other_images(document, folder, firmware) if firmware else ())
    dropped = {
        document.line(("options", key))
        for key in BOARD_OPTIONS
        if (other := document.data["options"].get(key)) and not (folder / f"{other}.yaml").is_file()
    }
    meanings = {document.line((key,)): TOP[key].meaning for key in document.data} | {
        document.line(("targets", target, key)): TARGET[key].meaning
        for target, parts in document.data["targets"].items()
        for key in parts
    }
    lines = [
        MODELINE,
        f"# {name}: made after {like}. `hil boards --keys` has all keys, `hil boards --check {name}` what is wrong.",
    ]
    head = next(number for number, line in enumerate(written) if not line.startswith("#"))
    lines += () if ours else written[1:head]
    for number, line in enumerate(written[head:], head + 1):
        if number in meanings:
            lines.append(f"{line[: len(line) - len(line.lstrip())]}# {meanings[number]}")
        if number not in dropped:
            lines.append(replaced.get(number, line))
    write_new(file, "\n".join(lines) + "\n")
    return file


def _other_images(document: Document, folder: Path, firmware: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of those images that `firmware` has, with the paths from `folder` to them."""
    images = BoardFile.read(document.path).images
    for key, path in images_in(firmware, images).items():
        if path != images[key]:
            yield document.line(("images", key)), f"  {key}: {os.path.relpath(path, folder)}"
