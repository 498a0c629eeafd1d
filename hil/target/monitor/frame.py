"""Encodes requests to the monitor's shell and decodes its answers: sequence number, text, CRC-32.

A request is `:<seq> <text> *<crc>`, an answer `=<seq> <text> *<crc>`. Numbers are hexadecimal. The CRC covers the bytes
between the first character and ` *`.
"""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

NOBODY = 0
"""The sequence number of an answer to a damaged request, whose own number cannot be trusted."""

_ANSWER = re.compile(rb"=([0-9a-f]{1,16}) ([^\r\n*]*) \*([0-9a-f]{8})\r?\n")

_WHOLE = re.compile(rb"[:=][0-9a-f]{1,16} [^*]* \*[0-9a-f]{8}\s*")


def is_whole(line: bytes) -> bool:
    """Whether a line of a transcript is a request or an answer, and nothing else."""
    return line[:1] in {b":", b"="} and _WHOLE.fullmatch(line) is not None


def without_frames(lines: Iterable[str], most: int) -> tuple[str, ...]:
    """Return the last lines that are neither requests nor answers, at most `most`."""
    said = [line for line in lines if not is_whole(line.encode(errors="replace"))]
    return tuple(said[-most:])


def request(sequence: int, text: str) -> bytes:
    """Return the line that carries the request `text`."""
    body = f"{sequence:x} {text}".encode("ascii")
    return b":%s *%08x\n" % (body, zlib.crc32(body))


def answers(received: bytes) -> tuple[dict[int, str], bytes]:
    """Return the undamaged answers in `received` by sequence number, and the unfinished line at its end.

    Everything else is skipped, even if it directly precedes an answer: the firmware prints on the same line.
    """
    end = received.rfind(b"\n") + 1
    found: dict[int, str] = {}
    at = 0
    while match := _ANSWER.search(received, at, end):
        body = received[match.start() + 1 : match.start(3) - 2]
        if zlib.crc32(body) == int(match[3], 16):
            found[int(match[1], 16)] = match[2].decode("ascii", "replace")
            at = match.end()
        else:
            at = match.start() + 1
    return found, received[end:]
