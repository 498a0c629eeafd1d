"""What paramiko's channels lack: requests nobody waits for, and an end without complaint."""

from __future__ import annotations

import contextlib
from typing import Any

from paramiko import Message
from paramiko.common import cMSG_CHANNEL_REQUEST
from paramiko.ssh_exception import SSHException

BROKEN = (SSHException, OSError, EOFError)
"""What paramiko raises when a connection or a channel cannot be used any more."""


def request(channel: Any, kind: str, argument: str, *, reply: bool = True) -> None:
    """Ask for something (RFC 4254, 6.5 and 6.9); a refusal closes the channel, which whoever waits on it sees."""
    message = Message()
    message.add_byte(cMSG_CHANNEL_REQUEST)
    message.add_int(channel.remote_chanid)
    message.add_string(kind)
    message.add_boolean(reply)
    message.add_string(argument)
    with contextlib.suppress(*BROKEN):
        channel.transport._send_user_message(message)


def close(channel: Any) -> None:
    """Close a channel of a connection that may be gone."""
    with contextlib.suppress(*BROKEN):
        channel.close()
