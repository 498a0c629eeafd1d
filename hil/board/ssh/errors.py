"""Errors of connections over SSH, and of commands and files on the machine at the other end."""

from __future__ import annotations

from hil.errors import FirmwareError, InfrastructureError


class SshError(InfrastructureError):
    """The connection to the machine failed; nothing is known about the commands that were to run there."""


class SshUnreachable(SshError):
    """The machine's address cannot be reached: no route, no such name, or no answer."""


class SshRefused(SshError):
    """The machine is there, but nothing listens on its SSH port."""


class SshSilent(SshError):
    """The server accepts the connection, but sends nothing: it hangs, or the network loses its data."""


class SshHostKeyChanged(SshError):
    """The server's key is not the pinned one: it is another board, or somebody else has flashed it."""


class SshAuthFailed(SshError):
    """The server does not accept user name and key."""


class SshDropped(SshError):
    """The connection ended while it was in use."""


class LoginScriptPrints(SshError):
    """A login script of the account writes to standard output, into what commands and files are carried by."""

    def __init__(self, where: str, said: bytes, board: str, doing: str = "") -> None:
        lines = said.decode(errors="replace").strip().splitlines() or [repr(said)]
        super().__init__(
            f"a login script at {where} prints, and so spoils commands and transfers: `{lines[0][:100]}`",
            doing=doing,
            board=board,
            console=lines[:20],
            hint="let ~/.bashrc, ~/.profile and the like print to terminals only: [ -t 1 ] && echo ...",
        )


class SshTooManySessions(SshError):
    """The server refuses a further session on the connection, while others are open on it."""


class TransferFailed(SshError):
    """A file did not arrive completely."""


class RemoteFileError(FirmwareError):
    """The target refused access to a file: there is no such file, or no permission."""
