"""What can go wrong with media, apart from a write that failed (`hil.errors.FlashError`)."""

from __future__ import annotations

from hil.errors import InfrastructureError


class MediumMissing(InfrastructureError):
    """The medium that the board file names is not there: not plugged in, no card in the reader, no such folder."""


class WrongMedium(InfrastructureError):
    """Something is there, but not what the board file names. Nothing was written to it."""


class MediumInUse(InfrastructureError):
    """What was found is in use by this machine: mounted, swap, or part of something larger. Nothing was written."""


class BoardDirty(InfrastructureError):
    """The last flash of the board did not end well, so nobody knows what it would boot. Flash it again."""


class FlashBusy(InfrastructureError):
    """Another process flashes this board now."""
