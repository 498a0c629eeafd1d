"""The keys of a board file: what each means, and what it may hold, in the words of messages and documentation."""

from __future__ import annotations

import functools
import operator
from dataclasses import dataclass
from itertools import starmap
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin, get_type_hints

from msgspec import UnsetType

from hil.board.file import written

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import msgspec


@dataclass(frozen=True, slots=True)
class BoardKey:
    """One key. `kind`, and that of what is `inside` a mapping, are of `KINDS`; of `values`, if any, one is meant."""

    meaning: str
    kind: str = "text"
    values: tuple[str, ...] = ()
    inside: str = ""


def _texts(found: Any) -> bool:
    return all(isinstance(item, str) for item in found)


KINDS: Mapping[str, Callable[[Any], bool]] = {
    "text": lambda found: isinstance(found, str),
    "a whole number": lambda found: isinstance(found, int) and not isinstance(found, bool),
    "true or false": lambda found: isinstance(found, bool),
    "a list of texts": lambda found: isinstance(found, list) and _texts(found),
    "a mapping": lambda found: isinstance(found, dict),
    "a mapping, or a list of texts": lambda found: (
        isinstance(found, dict) or (isinstance(found, list) and _texts(found))
    ),
    "a mapping, or a list of entries": lambda found: isinstance(found, dict | list),
}
"""What a value may be, in the words of messages, and whether it is."""

SCHEMA = "board.schema.json"
"""What the JSON Schema of board files is called; it lies beside them."""
MODELINE = f"# yaml-language-server: $schema={SCHEMA}"
"""The first line of a board file, from which editors with a YAML language server know the schema."""

_WORDS: Mapping[Any, tuple[str, str]] = {
    str: ("text", ""),
    int: ("a whole number", ""),
    bool: ("true or false", ""),
    str | int: ("text", ""),
    list[str]: ("a list of texts", ""),
    dict[str, str]: ("a mapping", "text"),
    dict[str, int]: ("a mapping", "a whole number"),
    dict[str, Any]: ("a mapping", ""),
    dict[str, written.Target]: ("a mapping", ""),
    written.Options: ("a mapping", ""),
    written.Features | list[str]: ("a mapping, or a list of texts", ""),
    dict[str, Any] | list[Any]: ("a mapping, or a list of entries", ""),
}
"""What a value of a type may be, and what is inside of it, of `KINDS`."""


def keys_of(struct: type[msgspec.Struct]) -> Mapping[str, BoardKey]:
    """Return the keys of a part of a board file, in their order."""
    return dict(starmap(_key, get_type_hints(struct, include_extras=True).items()))


def _key(name: str, hint: Any) -> tuple[str, BoardKey]:
    kind, meta = get_args(hint)
    if UnsetType in (choices := get_args(kind)):
        kind = functools.reduce(operator.or_, (choice for choice in choices if choice is not UnsetType))
    if get_origin(kind) is Literal:
        return name, BoardKey(meta.description, "text", values=get_args(kind))
    return name, BoardKey(meta.description, _WORDS[kind][0], inside=_WORDS[kind][1])


TOP = keys_of(written.WrittenBoard)
TARGET = keys_of(written.Target)
ENTRY = keys_of(written.WrittenEntry)
OPTIONS = keys_of(written.Options)
FEATURES = keys_of(written.Features)
"""Those that hil's own suites ask for; suites of others may ask for more."""

BOARD_OPTIONS = ("linux_board", "hardware", "direct_board")
"""Options that name another board file beside this one."""

IMAGES = {
    "HilQEMUDriver": ("kernel", "disk", "dtb", "flash", "bios", "loads"),
    "Rpi4TwinDriver": ("card",),
    "BootPartitionDriver": ("config", "armstub", "kernel", "devicetree", "initramfs", "overlays"),
    "CardFlasher": ("image",),
    "JunoFlasher": ("files",),
    "TFTPFlasher": ("files",),
}
"""Attributes of drivers, and of those derived from them, that name images."""
BY_KEY = ("loads",)
"""Those of them that are mappings from images; the others are mappings to images."""
