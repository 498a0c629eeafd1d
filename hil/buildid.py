"""The build ids that parts of our firmware announce on a serial line at boot, by which a run knows what it tests.

A part's id is the beginning of a SHA-256 over all that it was made from, so equal sources and tools give equal ids. A
part says it at the end of the line in which it says that it is ready: `monitor: ready, build 0123456789ab`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

DIGITS = 12
"""Length of a build id, in hexadecimal digits."""

SERVICE = "service"
"""The vTPM service. Its id covers the monitor and the engine, too, because they are in one image with it."""
MONITOR = "monitor"
LINUX = "linux"
"""The initramfs of our Linux host, with its kernel, programs and keys."""

READY = {
    SERVICE: re.compile(r"vTPM: service \d+\.\d+ ready\b"),
    MONITOR: re.compile(r"monitor: ready\b"),
    LINUX: re.compile(r"linux: ready\b"),
}
_BUILD = re.compile(rf", build ([0-9a-f]{{{DIGITS}}})\b")


def with_build_id(ready: re.Pattern[str]) -> re.Pattern[str]:
    """Return the pattern of an announcement that has come as far as its build id."""
    return re.compile(f"{ready.pattern}.*{_BUILD.pattern}")


class Announcement(NamedTuple):
    """A part that said it was ready; `build_id` is empty if it said none: an earlier version, or a damaged line."""

    part: str
    build_id: str


def announcement(line: str) -> Announcement | None:
    """Return which part announces itself in a complete line of a serial console; None for any other line."""
    for part, ready in READY.items():
        if ready.search(line):
            found = _BUILD.search(line)
            return Announcement(part, found[1] if found else "")
    return None
