"""Adds to paramiko's channels: requests with a deadline, signals, and closing without errors."""

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
"""Exceptions by which paramiko reports that a connection or a channel is unusable."""


class Arrivals:
    """Signals that stdout or stderr of a channel has new data, or has ended.

    `Channel.fileno` is meant for this, but can lose an event: both streams share one pipe, and emptying one stream at
    the moment when data arrives in the other removes the pipe's only byte.
    """

    def __init__(self, channel: Any) -> None:
        self._event = threading.Event()
        channel.in_buffer.set_event(self)
        channel.in_stderr_buffer.set_event(self)

    def set(self) -> None:
        """Called by a stream that has new data, or has ended."""
        self._event.set()

    def clear(self) -> None:
        """Called by a stream that is empty. Does nothing: the other stream may still have data."""

    def take(self, deadline: Deadline) -> bool:
        """Wait for an event since the last call; return False if there is none before the deadline."""
        came = self._event.wait(deadline.remaining)
        self._event.clear()
        return came


def granted(channel: Any, kind: str, argument: str, deadline: Deadline) -> bool:
    """Make a channel request (RFC 4254, 6.5), and return whether the server grants it before the deadline."""
    # paramiko's own methods do the same, but wait without a deadline. They use private fields, which is why
    # pyproject.toml has an upper bound on paramiko's version.
    channel._event_pending()
    _ask(channel, kind, argument, reply=True)
    channel.event.wait(deadline.remaining)
    return bool(channel.event_ready)


def send_signal(channel: Any, name: str) -> None:
    """Send a signal, such as `KILL`, to the command of a channel (RFC 4254, 6.9); some servers ignore it."""
    _ask(channel, "signal", name, reply=False)


def close(channel: Any) -> None:
    """Close a channel, even if its connection is gone."""
    with contextlib.suppress(*BROKEN):
        channel.close()


def _ask(channel: Any, kind: str, argument: str, *, reply: bool) -> None:
    message = Message()
    message.add_byte(cMSG_CHANNEL_REQUEST)
    message.add_int(channel.remote_chanid)
    message.add_string(kind)
    message.add_boolean(reply)
    message.add_string(argument)
    with contextlib.suppress(*BROKEN):  # waits on the channel end, because it is closed
        channel.transport._send_user_message(message)
