"""Tells text from noise in the bytes of a serial line.

A line without power, or one that is just being connected, yields bytes that nobody sent: NUL, 0xff, or what a receiver
takes for a character when the level wanders. They must not count as output of a board.
"""

from __future__ import annotations

import re

# ECMA-48: control sequences (colours, cursor movements), operating system commands (titles), all other sequences.
_ESCAPES = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-Z\\^-~])")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_NOISE = re.compile(r"[\x00-\x06\x0e-\x1a\x1c-\x1f\x7f-\x9f\udc80-\udcff]")
"""Control characters that no console uses, and bytes that are no UTF-8. Bell, backspace, form feed and escape are."""

_WORD = re.compile(rb"[ -~]{4,}")
_PROMPT = re.compile(rb"[\r\n]([ -~]{2,})")
SAMPLE_BYTES = 8


def clean(raw: bytes) -> str:
    """Return the text in `raw`, without escape sequences, control characters and bytes that are no UTF-8.

    Tabulators and line ends stay.
    """
    return _CONTROLS.sub("", _ESCAPES.sub(b"", raw).decode("utf-8", errors="ignore"))


def noise_bytes(raw: bytes) -> int:
    """Return how many bytes of `raw` are no text: NUL, other control characters, and what is no UTF-8."""
    return len(_NOISE.findall(_ESCAPES.sub(b"", raw).decode("utf-8", errors="surrogateescape")))


def is_speech(data: bytes) -> bool:
    """Whether there is text in `data` that only a running board sends: a word, or a prompt on a new line.

    Single bytes are none, nor is the same one again and again: a line without power yields these.
    """
    plain = _ESCAPES.sub(b"", data)
    words = any(len(set(word)) >= 3 for word in _WORD.findall(plain))
    return words or any(len(set(prompt)) >= 2 for prompt in _PROMPT.findall(plain))


def sample(data: bytes) -> str:
    """Return the first bytes in hexadecimal, for a message."""
    return data[:SAMPLE_BYTES].hex(" ") + (" ..." if len(data) > SAMPLE_BYTES else "")
