"""The pieces of hardware that a board file names: what only one run can use at a time, whatever the board is called."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from hil.board.file.boardfile import BoardFile, BoardPart

_PROVIDERS = ("TFTPProvider", "HTTPProvider", "NFSProvider")
"""Directories that servers give out: many boards share one."""
_SHARED = ("RemotePlace", "NetworkService", "NetworkInterface", *_PROVIDERS)
"""Resources that are no single piece of hardware, or that many may use at a time."""
_ADDRESSES = ("host", "address", "port", "index", "path", "pdu", "serial", "busnum", "devnum", "directory", "url")
"""Attributes of labgrid's resources that say which piece of hardware it is."""
_KINDS_OF_DEVICES = ("SUBSYSTEM", "DEVTYPE", "ID_VENDOR_ID", "ID_MODEL_ID")
"""Keys of labgrid's `match` that select a kind of device, not a single one."""
_MEDIA = re.compile(r"Storage|SDMux|SDWire|CardReader")
_UNSAFE = re.compile(r"[^\w.=-]+")
_NAME_CHARACTERS = 60
_HASH_DIGITS = 8


class Device(NamedTuple):
    """A piece of hardware, in words that are the same in all board files that name it."""

    name: str

    @property
    def key(self) -> str:
        """The name of its lock and of its note; a part of it is for people, and a hash keeps two devices apart."""
        readable = _UNSAFE.sub("-", self.name)[:_NAME_CHARACTERS].strip("-")
        return f"{readable}-{hashlib.sha256(self.name.encode()).hexdigest()[:_HASH_DIGITS]}"


def devices(board: BoardFile) -> tuple[Device, ...]:
    """Return the hardware that a board consists of, sorted; its name if the file names none that can be told apart."""
    found = {Device(named(part)) for part in board.resources if part.kind not in _SHARED and _identity(part)}
    return tuple(sorted(found)) or (Device(board.hardware),)


def medium(board: BoardFile) -> Device:
    """Return what the board's images are written to; the board itself if its file names no medium, or several."""
    found = {Device(name) for part in board.resources for name in _media(part, board)}
    return found.pop() if len(found) == 1 else Device(board.hardware)


def named(part: BoardPart) -> str:
    """Return the words for a resource."""
    return f"{part.kind} {', '.join(f'{key}={value}' for key, value in _identity(part))}".strip()


def _media(part: BoardPart, board: BoardFile) -> Iterator[str]:
    if _MEDIA.search(part.kind) and _identity(part):
        yield named(part)
    elif part.kind in _PROVIDERS:
        # Below the directory of a server, each board has a folder of its own.
        folders = {str(driver.attributes.get("folder", "")) for driver in board.drivers if "files" in driver.attributes}
        for folder in folders:
            yield f"{part.kind} {part.attributes.get('internal', '')}/{folder}".rstrip("/")


def _identity(part: BoardPart) -> list[tuple[str, str]]:
    """Return the attributes that tell one piece of hardware from others of its kind."""
    found = [(key, _value(key, value)) for key, value in part.attributes.items() if key in _ADDRESSES]
    return sorted([*found, *_matched(part.attributes.get("match"))])


def _value(key: str, value: Any) -> str:
    text = str(value)
    # A link such as those in /dev/serial/by-id leads to the device that another file may name directly.
    return str(Path(text).resolve()) if key in ("port", "path") and text.startswith("/") else text


def _matched(match: Mapping[str, Any] | None) -> Iterable[tuple[str, str]]:
    found = match if isinstance(match, dict) else {}
    return ((key.lstrip("@"), str(value)) for key, value in found.items() if key.lstrip("@") not in _KINDS_OF_DEVICES)
