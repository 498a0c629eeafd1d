"""What can go wrong before there is any firmware to test."""

from __future__ import annotations

from hil.errors import InfrastructureError, UsageError


class LockFileError(UsageError):
    """The lock file of the third-party sources is malformed; the message names file and entry."""


class ArchiveError(InfrastructureError):
    """A package archive could not be reached, or its answer made no sense."""


class CorruptDownload(ArchiveError):
    """A downloaded file is not the one that the lock file describes; it was thrown away."""


class PinGone(UsageError):
    """The archive no longer serves a pinned version; the message says which, and what it serves instead."""


class BuildFailed(UsageError):
    """A build step failed; the message names its log and quotes the end of it."""


class BuildBusy(InfrastructureError):
    """Another build holds the lock and did not finish in time."""
