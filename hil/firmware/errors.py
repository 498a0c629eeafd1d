"""Errors of the firmware build."""

from __future__ import annotations

from hil.errors import InfrastructureError, UsageError


class LockFileError(UsageError):
    """The lock file of the third-party sources is malformed; the message names file and entry."""


class ArchiveError(InfrastructureError):
    """A package archive could not be reached, or its answer was malformed."""


class CorruptDownload(ArchiveError):
    """A downloaded file is not the one in the lock file; it was deleted."""


class PinGone(UsageError):
    """The archive no longer has a pinned version; the message names it, and the versions that it has."""


class BuildFailed(UsageError):
    """A build step failed; the message names its log and quotes the end of it."""


class BuildBusy(InfrastructureError):
    """Another build holds the lock and did not finish in time."""
