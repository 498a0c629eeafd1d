"""Decides whether the first banner of a boot that comes again means a restart, or a log that is printed twice.

A log is printed twice by an early console and then the real one, or by a terminal server that replays what it has. Both
follow what is already there without a pause, and faster than the board can boot. A restart takes time: at least the
boot ROM's, and then again as long as the first boot.
"""

from __future__ import annotations

import re
import threading
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PAUSE_SECONDS = 0.25
"""A silence of this length before the banner shows that the board started anew. No replay has one."""
COMPARABLE_SECONDS = 0.05
"""How long the first boot must have taken for its pace to be compared with that of what follows."""
SHORTEST_HOLD_SECONDS = 1.0

_STAMP = re.compile(r"\[ *(\d+\.\d{6})\]")
_ZERO_STAMP = "0.000000"


class Verdict(Enum):
    """What a first banner that came again means."""

    RESTART = "restart"
    REPLAY = "replay"
    UNKNOWN = "unknown"


def same_stamp(before: str, again: str) -> bool:
    """Whether two lines carry the same time of the kernel's clock, so that the second is a copy of the first."""
    first, second = _STAMP.search(before), _STAMP.search(again)
    return bool(first and second and first[1] == second[1] != _ZERO_STAMP)


def pace_verdict(first_seconds: float, again_seconds: float) -> Verdict:
    """Compare the time from the first banner to the furthest one, in the first boot and in what followed."""
    if first_seconds < COMPARABLE_SECONDS:
        return Verdict.UNKNOWN
    return Verdict.RESTART if again_seconds >= first_seconds / 2 else Verdict.REPLAY


class Suspicion:
    """A first banner that came again without a pause. `on_timeout` is called if nothing decides it in time."""

    def __init__(self, began: float, first_seconds: float, furthest: int, on_timeout: Callable[[], None]) -> None:
        self.furthest = furthest
        self._began = began
        self._first_seconds = first_seconds
        self._timer = threading.Timer(max(SHORTEST_HOLD_SECONDS, 2 * first_seconds), on_timeout)
        self._timer.daemon = True
        self._timer.start()

    def verdict(self, now: float) -> Verdict:
        """Return the verdict, when the furthest banner came again."""
        self.drop()
        return pace_verdict(self._first_seconds, now - self._began)

    def drop(self) -> None:
        """Do not call `on_timeout` any more."""
        self._timer.cancel()
