"""Text from a target, made safe for those who read reports."""

from __future__ import annotations

import re

_INVISIBLE = re.compile("[^\t\n\r\u0020-\u007e\u00a0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What the production `Char` of XML 1.0 excludes, lone surrogates among it, and the controls that it discourages."""


def visible(text: str) -> str:
    r"""Return `text` with all controls, and all else that XML 1.0 cannot carry, written as an escape, such as `\x1b`.

    Undecodable bytes that Python kept as lone surrogates come back as the bytes that they were.
    """
    return _INVISIBLE.sub(_escape, text.replace("\r\n", "\n"))


def shortened(text: str, most: int, whole: str) -> str:
    """Return `text` in about `most` characters, without its middle, which the file `whole` has."""
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]}\n[... {len(text) - 2 * half} characters more, see {whole} ...]\n{text[-half:]}"


def _escape(found: re.Match[str]) -> str:
    code = ord(found.group())
    if 0xDC80 <= code <= 0xDCFF:
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
