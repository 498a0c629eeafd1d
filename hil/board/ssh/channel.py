"""What paramiko's channels lack: requests with a deadline, signals, and an end without complaint."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

from paramiko import Message
from paramiko.common import cMSG_CHANNEL_REQUEST
from paramiko.ssh_exception import SSHException

if TYPE_CHECKING:
    from hil.deadline import Deadline

BROKEN = (SSHException, OSError, EOFError)
"""What paramiko raises when a connection or a channel cannot be used any more."""


class Arrivals:
    """Tells that output or errors of a channel came, or ended.

    What `Channel.fileno` offers for this can miss an arrival: it is one pipe for two streams, and a stream that is
    read empty in the moment in which the other one is filled takes the pipe's only byte away.
    """

    def __init__(self, channel: Any) -> None:
        self._event = threading.Event()
        channel.in_buffer.set_event(self)
        channel.in_stderr_buffer.set_event(self)

    def set(self) -> None:
        """Called by a stream that has got something, or its end."""
        self._event.set()

    def clear(self) -> None:
        """Called by a stream that is empty; of the other one it does not know."""

    def take(self, deadline: Deadline) -> bool:
        """Wait until something came since the last call; return False if nothing does before the deadline."""
        came = self._event.wait(deadline.remaining)
        self._event.clear()
        return came


def granted(channel: Any, kind: str, argument: str, deadline: Deadline) -> bool:
    """Ask for something (RFC 4254, 6.5) and return whether the server says yes before the deadline."""
    # paramiko's own requests do this, too, and wait without a deadline. Its fields are private: hence the upper bound
    # on its version in pyproject.toml.
    channel._event_pending()
    _ask(channel, kind, argument, reply=True)
    channel.event.wait(deadline.remaining)
    return bool(channel.event_ready)


def send_signal(channel: Any, name: str) -> None:
    """Send a signal, such as `KILL`, to the command of a channel (RFC 4254, 6.9); some servers ignore it."""
    _ask(channel, "signal", name, reply=False)


def close(channel: Any) -> None:
    """Close a channel of a connection that may be gone."""
    with contextlib.suppress(*BROKEN):
        channel.close()


def _ask(channel: Any, kind: str, argument: str, *, reply: bool) -> None:
    message = Message()
    message.add_byte(cMSG_CHANNEL_REQUEST)
    message.add_int(channel.remote_chanid)
    message.add_string(kind)
    message.add_boolean(reply)
    message.add_string(argument)
    with contextlib.suppress(*BROKEN):  # whoever waits on the channel sees it closed
        channel.transport._send_user_message(message)
