"""What the framework did meanwhile: steps within a test, and the stages of a board. Times are UTC in ISO 8601."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that the framework did for a test, such as resuming its board; `duration` in seconds."""

    name: str
    started: str
    duration: float


@dataclass(frozen=True, slots=True)
class Stage:
    """A board was brought into the state `stage`, or was not: then `ok` is false. `duration` in seconds."""

    stage: str
    started: str
    duration: float
    ok: bool
    board: str = ""
    seat: str = ""
