"""What can go wrong on the way to a machine, and on it."""

from __future__ import annotations

from hil.errors import FirmwareError, InfrastructureError


class SshError(InfrastructureError):
    """The way to the machine failed; nothing is known about the commands that were to run there."""


class SshUnreachable(SshError):
    """There is no way to the machine's address: no route, no such name, or no answer to the connection attempt."""


class SshRefused(SshError):
    """The machine is there, and nothing listens on its SSH port."""


class SshSilent(SshError):
    """The connection stands, and the server says nothing: it hangs, or what is between us holds the data back."""


class SshHostKeyChanged(SshError):
    """The server has another key than the one pinned for this board: another board, or one flashed by others."""


class SshAuthFailed(SshError):
    """The server does not accept our user name and key."""


class SshDropped(SshError):
    """The connection ended while it was in use."""


class TransferFailed(SshError):
    """A file did not arrive whole."""


class RemoteFileError(FirmwareError):
    """The target refused access to a file: there is no such file, or no permission."""


class CommandFailed(FirmwareError):
    """A command on the target ended with another status than 0."""


class CommandTimeout(FirmwareError):
    """A command on the target did not end in time, while its SSH server still answered."""
