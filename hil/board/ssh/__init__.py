"""Runs commands, copies files and forwards ports over SSH; every wait has a deadline, every failure its own type."""

from __future__ import annotations

from hil.board.ssh.connect import Endpoint, Login
from hil.board.ssh.errors import (
    LoginScriptPrints,
    RemoteFileError,
    SshAuthFailed,
    SshDropped,
    SshError,
    SshHostKeyChanged,
    SshRefused,
    SshSilent,
    SshTooManySessions,
    SshUnreachable,
    TransferFailed,
)
from hil.board.ssh.hostkeys import PinnedHostKeys
from hil.board.ssh.process import CommandResult, Process
from hil.board.ssh.session import Session
from hil.board.ssh.shell import Shell
from hil.errors import CommandFailed, CommandTimeout

__all__ = [
    "CommandFailed",
    "CommandResult",
    "CommandTimeout",
    "Endpoint",
    "Login",
    "LoginScriptPrints",
    "PinnedHostKeys",
    "Process",
    "RemoteFileError",
    "Session",
    "Shell",
    "SshAuthFailed",
    "SshDropped",
    "SshError",
    "SshHostKeyChanged",
    "SshRefused",
    "SshSilent",
    "SshTooManySessions",
    "SshUnreachable",
    "TransferFailed",
]
