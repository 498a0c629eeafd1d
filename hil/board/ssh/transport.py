"""paramiko's connection, which sends nothing about a channel once it is closed.

A thread that ends the input of a command, sends it a signal or makes room for its output may be overtaken by the thread
that answers the server's CLOSE. What it sends then is about a channel that no longer exists, for which servers end the
whole connection: OpenSSH and Dropbear both do.
"""

from __future__ import annotations

from typing import Any

from paramiko import Transport
from paramiko.common import MSG_CHANNEL_CLOSE, MSG_CHANNEL_FAILURE, MSG_CHANNEL_WINDOW_ADJUST

_ABOUT_A_CHANNEL = range(MSG_CHANNEL_WINDOW_ADJUST, MSG_CHANNEL_FAILURE + 1)
"""RFC 4250, 4.1.2: the messages that begin with the number of a channel at the other end (RFC 4254, 5.2 to 5.4)."""


class OrderlyTransport(Transport):  # type: ignore[misc]
    """A `Transport` that drops what comes after the CLOSE of a channel.

    `_send_message` and `_parse_channel_open_success` are private to paramiko: pyproject.toml has an upper bound.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._closed: set[int] = set()
        """The channels that were closed, by their numbers at the other end."""
        super().__init__(*arguments, **options)

    def _send_message(self, data: Any) -> None:
        """Send a message; paramiko calls this under the lock that orders the messages of all threads."""
        raw = data.asbytes()
        if raw[0] in _ABOUT_A_CHANNEL:
            number = int.from_bytes(raw[1:5], "big")
            if number in self._closed:
                return
            if raw[0] == MSG_CHANNEL_CLOSE:
                self._closed.add(number)
        super()._send_message(data)

    def _parse_channel_open_success(self, m: Any) -> None:
        """Take note of a new channel, which may have the number of one that was closed."""
        at = m.packet.tell()
        m.get_int()
        self._closed.discard(m.get_int())
        m.packet.seek(at)
        super()._parse_channel_open_success(m)
