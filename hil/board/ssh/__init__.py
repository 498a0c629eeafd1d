"""Commands, files and ports of a machine that is reached over SSH; every wait is bounded, every failure typed."""

from __future__ import annotations

from hil.board.ssh.connect import Endpoint, Login
from hil.board.ssh.errors import (
    CommandFailed,
    CommandTimeout,
    RemoteFileError,
    SshAuthFailed,
    SshDropped,
    SshError,
    SshHostKeyChanged,
    SshRefused,
    SshSilent,
    SshUnreachable,
    TransferFailed,
)
from hil.board.ssh.hostkeys import PinnedHostKeys
from hil.board.ssh.process import Process, Result
from hil.board.ssh.session import Session
from hil.board.ssh.shell import Shell

__all__ = [
    "CommandFailed",
    "CommandTimeout",
    "Endpoint",
    "Login",
    "PinnedHostKeys",
    "Process",
    "RemoteFileError",
    "Result",
    "Session",
    "Shell",
    "SshAuthFailed",
    "SshDropped",
    "SshError",
    "SshHostKeyChanged",
    "SshRefused",
    "SshSilent",
    "SshUnreachable",
    "TransferFailed",
]
