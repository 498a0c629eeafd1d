"""Explicit, monotonic time limits."""

from __future__ import annotations

import time
from dataclasses import dataclass

__all__ = [
    "Deadline",
]


@dataclass(frozen=True, slots=True)
class Deadline:
    """A point in monotonic time by which something must have happened; never moved by changes of the wall clock."""

    at: float
    budget: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """Return the deadline that lies `seconds` from now."""
        return cls(time.monotonic() + seconds, seconds)

    @property
    def remaining(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self.at - time.monotonic())

    @property
    def expired(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() >= self.at

    def at_most(self, seconds: float) -> Deadline:
        """Return the earlier of this deadline and one `seconds` from now."""
        other = Deadline.after(seconds)
        return self if self.at <= other.at else other

    def __str__(self) -> str:
        return f"{self.budget:g} s"
