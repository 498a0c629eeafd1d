"""A board file to start from: that of a board which is much like it, with what each part means written beside it."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from hil.board.file.document import Document
from hil.board.file.keys import BOARD_OPTIONS, TARGET, TOP
from hil.errors import UsageError
from hil.operations.new.names import check_name, write_new
from hil.paths import shipped

if TYPE_CHECKING:
    from pathlib import Path

SHIPPED = shipped("boards")
"""The boards of hil itself: in an installed package, or in the checkout."""

_KEY = re.compile(r"^(?P<indent> *)(?P<key>\w+):")
INDENT_OF_PART = 4
"""Of the keys of a target."""


def models() -> list[str]:
    """Return the boards that a new one can be like."""
    return sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def new_board(folder: Path, name: str, like: str, firmware: Path | None = None) -> Path:
    """Write `folder`/`name`.yaml after the board `like`; its images are those of `firmware`, if that is given.

    Raises `UsageError` for an unusable name, an unknown model, no images in `firmware`, and when the file is there.
    """
    check_name("board", name)
    if like not in models():
        raise UsageError(f"there is no board {like!r} to start from", hint=" or ".join(models()))
    model, file = SHIPPED / f"{like}.yaml", folder / f"{name}.yaml"
    document = Document(model)
    images = {key: (model.parent / path).resolve() for key, path in document.data.get("images", {}).items()}
    if firmware:
        from hil.board.file.boardfile import images_in

        found = images_in(firmware, images)
        taken = {key: os.path.relpath(path, folder) for key, path in found.items() if path != images[key]}
    else:
        taken = {}
    lines = [
        f"# {name}: made after {like}. `hil boards --keys` has all keys, `hil boards --check {name}` what is wrong."
    ]
    body = model.read_text(encoding="utf-8").splitlines()
    while body and body[0].startswith("#"):
        del body[0]
    part = ""
    for line in body:
        match = _KEY.match(line)
        indent, key = (len(match["indent"]), match["key"]) if match else (-1, "")
        if indent == 0:
            part = key
        if (
            part == "options"
            and key in BOARD_OPTIONS
            and not (folder / f"{document.data['options'][key]}.yaml").is_file()
        ):
            continue
        meaning = TOP.get(key) if indent == 0 else TARGET.get(key) if indent == INDENT_OF_PART else None
        if meaning:
            lines.append(f"{' ' * indent}# {meaning.meaning}")
        lines.append(f"  {key}: {taken[key]}" if part == "images" and indent == 2 and key in taken else line)
    write_new(file, "\n".join(lines) + "\n")
    return file
