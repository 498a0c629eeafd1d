"""Errors of media, apart from failed writes (`hil.errors.FlashError`)."""

from __future__ import annotations

from hil.errors import InfrastructureError


class MediumMissing(InfrastructureError):
    """The medium of the board file is missing: not plugged in, no card in the reader, no such folder."""


class WrongMedium(InfrastructureError):
    """There is a medium, but not the one that the board file names. Nothing was written to it."""


class MediumInUse(InfrastructureError):
    """The machine uses the medium: it is mounted, swap, or part of something larger. Nothing was written."""


class BoardDirty(InfrastructureError):
    """The last flash of the board failed, so it is unknown what the board would boot. Flash it again."""


class FlashBusy(InfrastructureError):
    """Another process is flashing this board."""
