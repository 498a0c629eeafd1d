"""When the consoles of a run were busy, read from its transcripts."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from hil.record.packing import read, transcripts

if TYPE_CHECKING:
    from pathlib import Path

MOMENT = 0.1
"""Lines that came within this many seconds of each other are counted together."""

_STAMP = re.compile(rb"^\[ *\d+\.\d+ (?P<wall>\d{4}-\d\d-\d\dT[\d:.]+)Z\]", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Activity:
    """How many lines one console carried, by time in seconds since the epoch."""

    board: str
    uart: str
    moments: tuple[tuple[float, int], ...]


def read_activity(directory: Path) -> list[Activity]:
    """Return the activity of every console whose transcript lies below a run's directory."""
    return [_activity(log) for log in transcripts(directory)]


def _activity(log: Path) -> Activity:
    lines = Counter(
        round(datetime.fromisoformat(f"{found['wall'].decode()}+00:00").timestamp() / MOMENT)
        for found in _STAMP.finditer(read(log))
    )
    moments = tuple((moment * MOMENT, number) for moment, number in sorted(lines.items()))
    return Activity(log.parent.name, log.stem, moments)
