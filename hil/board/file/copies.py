"""Copies of board files in another folder, with other images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from hil.board.file.document import Document, Filled
from hil.errors import BoardFileError
from hil.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_OF_FILES = ("images", "paths")
"""Sections whose values are all paths. Anywhere else a path shows by its beginning."""
_BEGINNINGS = ("./", "../")


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]
    """Writes labgrid's own tag, too."""


_Dumper.add_representer(Filled, lambda dumper, text: dumper.represent_scalar("!template", str(text)))


def copy_boards(folder: Path, into: Path, moved: Callable[[Path], Path]) -> None:
    """Write a copy of each board file of `folder` into the folder `into`, since board files name each other.

    Paths become absolute; `moved` says where the file is that the copy names in the place of the original's.
    Raises `BoardFileError` for a file that is no YAML.
    """
    for file in sorted(folder.glob("*.yaml")):
        document = Document(file)
        if document.problems:
            raise BoardFileError("\n".join(problem.at(file) for problem in document.problems))
        data = {key: _copied(value, folder, moved, every=key in _OF_FILES) for key, value in document.data.items()}
        if isinstance(imports := data.get("imports"), list):
            data["imports"] = [_copied(name, folder, moved, every=str(name).endswith(".py")) for name in imports]
        text = yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True)
        write_atomically(into / file.name, f"# Made from {file}.\n{text}".encode())


def _copied(value: Any, folder: Path, moved: Callable[[Path], Path], *, every: bool = False) -> Any:
    if isinstance(value, dict):
        return {key: _copied(inside, folder, moved, every=every) for key, inside in value.items()}
    if isinstance(value, list):
        return [_copied(inside, folder, moved, every=every) for inside in value]
    if isinstance(value, Filled):
        return Filled(value.replace("${BASE}", str(folder)).replace("$BASE", str(folder)))
    if isinstance(value, str) and (every or value.startswith(_BEGINNINGS)):
        return str(moved((folder / value).resolve()))
    return value
