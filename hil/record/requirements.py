"""What a tree has to prove: the file of its requirements, by which those without any test are noticed."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta, Struct

from hil.errors import UsageError
from hil.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

FILE = "requirements.toml"
"""Where it is, beside the board files, when `[tool.hil]` does not say otherwise."""
KINDS = {"element": "element", "threat": "threat", "requirement": "requirement"}
"""The tables of the file, and the marker by which a test claims what is in them."""


class Requirement(Struct, frozen=True):
    """Something that tests are to show."""

    kind: Annotated[str, Meta(description="the marker that claims it: `element`, `threat` or `requirement`")]
    name: Annotated[str, Meta(description="the argument of that marker, such as `E3` or `REQ-12`")]
    text: Annotated[str, Meta(description="what is required, in words; empty: only tests know of it")] = ""


def of_tree(root: Path) -> tuple[Requirement, ...]:
    """Return the requirements of the tree at `root`, in the order of its file; without a file there are none.

    Raises `UsageError` if the file that `[tool.hil]` names is not there, or is not what it should be.
    """
    settings = Settings.from_directory(root)
    file = root / settings.requirements if settings.requirements else root / settings.board_files / FILE
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if settings.requirements:
            raise UsageError(f"{file} is not there", hint="`requirements` of [tool.hil] names it") from None
        return ()
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{file} cannot be read: {error}", hint='[requirement] and lines such as REQ-12 = "text"'
        ) from None
    found = []
    for kind, table in tables.items():
        if kind not in KINDS or not isinstance(table, dict):
            raise UsageError(f"{file}: `{kind}` is none of the tables {', '.join(f'[{known}]' for known in KINDS)}")
        for name, text in table.items():
            if not isinstance(text, str):
                raise UsageError(f"{file}: {kind} {name}: {text!r} is no text", hint="a name with a dot needs quotes")
            found.append(Requirement(kind, name, text))
    return tuple(found)
