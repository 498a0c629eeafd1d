"""Requests and answers of the monitor's shell as bytes on a line: sequence number, text, CRC-32.

`:<seq> <text> *<crc>` asks, `=<seq> <text> *<crc>` answers; numbers are hexadecimal, the CRC covers what stands between
the first character and ` *`.
"""

from __future__ import annotations

import re
import zlib

NOBODY = 0
"""The sequence number in the answer to a request whose frame was damaged."""

_ANSWER = re.compile(rb"=([0-9a-f]{1,16}) ([^\r\n*]*) \*([0-9a-f]{8})\r?\n")


def request(sequence: int, text: str) -> bytes:
    """Return the line that asks for `text`."""
    body = f"{sequence:x} {text}".encode("ascii")
    return b":%s *%08x\n" % (body, zlib.crc32(body))


def answers(received: bytes) -> tuple[dict[int, str], bytes]:
    """Return the undamaged answers in `received` by sequence number, and the unfinished line at its end.

    Whatever else is in there, also glued to the beginning of an answer, is skipped.
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
