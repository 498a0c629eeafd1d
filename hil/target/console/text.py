"""Makes text of the bytes of a console while they arrive: escape sequences and characters may arrive in two pieces."""

from __future__ import annotations

import re

from hil.consoletext import clean

_UNFINISHED_ESCAPE = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*|\][^\x07\x1b]{0,64}|[ -/]*)?$")
_UNFINISHED_UTF8 = re.compile(rb"(?:[\xc0-\xff]|[\xe0-\xff][\x80-\xbf]|[\xf0-\xff][\x80-\xbf]{2})$")


class TextDecoder:
    """Turns bytes into the text that a person would see: without escape sequences, lines ended by a newline."""

    def __init__(self) -> None:
        self._rest = b""

    def decode(self, data: bytes) -> str:
        """Return the text in `data`, as far as it is complete; the rest is kept for the next call."""
        data = self._rest + data
        found = _UNFINISHED_ESCAPE.search(data) or _UNFINISHED_UTF8.search(data)
        kept = found.start() if found else len(data)
        if not found and data.endswith(b"\r"):
            kept -= 1  # its newline may still come
        self._rest = data[kept:]
        return clean(data[:kept]).replace("\r\n", "\n")

    @property
    def rest(self) -> str:
        """What has come of a character or a line end that is not complete yet, as text."""
        return clean(self._rest)
