"""What a bisection chooses from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from hil.errors import FirmwareError

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path


class NoFirmware(FirmwareError):
    """A candidate cannot be built. That is no word about the bug that is looked for."""


class Candidates(Protocol):
    """Firmware of several ages."""

    @property
    def ends(self) -> tuple[str, str]:
        """The candidates that are said to be good and bad."""

    def suspects(self, good: Collection[str], bad: str) -> list[str]:
        """Return what may have broken the test before `bad` did, the one that tells most first; without `bad`."""

    def firmware(self, candidate: str) -> Path:
        """Return the directory with the candidate's images. Raises `NoFirmware`."""

    def name(self, candidate: str) -> str:
        """Return what people call a candidate."""

    def forget(self, candidate: str) -> None:
        """Free the space that its firmware takes."""
