"""What the framework did meanwhile: steps within a test, and the stages of a board. Times are UTC in ISO 8601."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

from msgspec import Meta, Struct

_MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
Timestamp = Annotated[str, Meta(pattern=f"^{_MOMENT}$")]
TimestampOrEmpty = Annotated[str, Meta(pattern=f"^({_MOMENT})?$")]
"""Empty: it has not happened, or the record is from before it was noted."""


def iso(moment: datetime) -> str:
    """Return a moment in UTC as the record writes it."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def ago(seconds: float) -> str:
    """Return the moment `seconds` ago as the record writes it."""
    return iso(datetime.now(UTC) - timedelta(seconds=seconds))


class Step(Struct, frozen=True):
    """One thing that the framework did."""

    name: Annotated[str, Meta(description="what, such as `fork`: resuming the board for a test")]
    started: Annotated[Timestamp, Meta(description="UTC, ISO 8601")]
    duration: Annotated[float, Meta(description="in seconds", ge=0)]


class Stage(Struct, frozen=True):
    """A board was brought into a state."""

    stage: Annotated[str, Meta(description="the state: `off`, `flashed`, `firmware`, `monitor`, `linux`")]
    started: Annotated[Timestamp, Meta(description="UTC, ISO 8601")]
    duration: Annotated[float, Meta(description="in seconds", ge=0)]
    ok: Annotated[bool, Meta(description="whether it got there")]
    board: Annotated[str, Meta(description="the board")] = ""
    seat: Annotated[str, Meta(description="as in the case")] = ""
