"""What a test kept, printed and did, for the page: accounts, output, attachments, with pictures that fit into it."""

from __future__ import annotations

import base64
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from hil.report.text import visible

if TYPE_CHECKING:
    from pathlib import Path

    from hil.record import Attachment, Attempt

PICTURES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
}
"""The files that are shown as pictures. SVG is not: browsers differ in what they let it load."""
PICTURE_BYTES = 512 * 1024
"""A larger picture is linked, and not shown."""
ALL_PICTURES_BYTES = 4 * 1024 * 1024
"""How much of pictures a page holds; further ones are linked."""
FIGURES_BYTES = 2000
"""Figures and short texts up to this size are shown."""


class Kept:
    """The files that the tests of a run kept; their content is read from `directory`, where there is one."""

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        self._room = ALL_PICTURES_BYTES

    def attempt_data(self, attempt: Attempt) -> dict[str, Any]:
        """Return what the page tells about what an attempt did, printed and kept."""
        return {
            "account": [
                [
                    entry.at,
                    entry.seconds,
                    entry.kind,
                    *(visible(text) for text in (entry.where, entry.what, entry.answer)),
                    entry.ok,
                ]
                for entry in attempt.account
            ],
            "output": [[visible(piece.stream), visible(piece.text)] for piece in attempt.output],
            "attachments": [self._attachment(kept) for kept in attempt.attachments],
        }

    def _attachment(self, kept: Attachment) -> dict[str, Any]:
        return {
            "name": visible(kept.name),
            "file": quote(kept.file),
            "size": _size(kept.bytes) if kept.file else "",
            "note": visible(kept.note),
            "picture": self._picture(kept),
            "figures": self._figures(kept),
        }

    def _picture(self, kept: Attachment) -> str:
        kind = PICTURES.get(PurePosixPath(kept.file).suffix.lower())
        if kind is None or kept.bytes > min(PICTURE_BYTES, self._room) or not (content := self._content(kept)):
            return ""
        self._room -= len(content)
        return f"data:{kind};base64,{base64.b64encode(content).decode()}"

    def _figures(self, kept: Attachment) -> str:
        if PurePosixPath(kept.file).suffix.lower() not in {".json", ".txt", ".csv"} or kept.bytes > FIGURES_BYTES:
            return ""
        return visible(self._content(kept).decode(errors="backslashreplace"))

    def _content(self, kept: Attachment) -> bytes:
        """Return the content of a file, empty if it is not there any more, or leads out of the directory."""
        if self._directory is None:
            return b""
        path = (self._directory / kept.file).resolve()
        if not path.is_relative_to(self._directory.resolve()):
            return b""
        try:
            return path.read_bytes()
        except OSError:
            return b""


def _size(count: int) -> str:
    for unit, size in (("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"
