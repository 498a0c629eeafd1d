"""The candidates of a bisection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from hil.errors import FirmwareError

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path


class NoFirmware(FirmwareError):
    """A candidate cannot be built, which says nothing about the bug in question."""


class Candidates(Protocol):
    """Firmware of several ages, of which some broke a test."""

    @property
    def ends(self) -> tuple[str, str]:
        """The candidates that are good and bad, as the user says."""

    def suspects(self, good: Collection[str], bad: str) -> list[str]:
        """Return the candidates that may have broken the test before `bad` did, best first; `bad` is not among them."""

    def firmware(self, candidate: str) -> Path:
        """Return the directory with the candidate's images. Raises `NoFirmware`."""

    def name(self, candidate: str) -> str:
        """Return a candidate's name for people."""

    def discard(self, candidate: str) -> None:
        """Free the space that its firmware takes."""
