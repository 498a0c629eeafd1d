"""A list of builds, oldest first."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hil.errors import UsageError
from hil.operations.bisect.candidates import NoFirmware

if TYPE_CHECKING:
    from collections.abc import Collection


@dataclass(frozen=True, slots=True)
class Builds:
    """Directories with images, of which the user says that the first is good and the last is bad."""

    directories: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse fewer than two directories, and the same one twice."""
        if len(set(self.directories)) < 2 or len(set(self.directories)) < len(self.directories):
            raise UsageError("a bisection of builds takes at least two directories, each once, the oldest first")

    @property
    def ends(self) -> tuple[str, str]:
        """The first and the last."""
        return self.directories[0], self.directories[-1]

    def suspects(self, good: Collection[str], bad: str) -> list[str]:
        """Return those between the last good one and the first bad one, from the middle outwards."""
        places = {directory: place for place, directory in enumerate(self.directories)}
        start, end = max(places[directory] for directory in good) + 1, places[bad]
        middle = (start + end - 1) / 2
        return sorted(self.directories[start:end], key=lambda directory: abs(places[directory] - middle))

    def firmware(self, candidate: str) -> Path:
        """Return the directory itself."""
        if not Path(candidate).is_dir():
            raise NoFirmware(f"there is no directory {candidate}")
        return Path(candidate)

    def name(self, candidate: str) -> str:
        """Return the directory."""
        return candidate

    def discard(self, candidate: str) -> None:
        """Keep it: the directory is the user's."""
