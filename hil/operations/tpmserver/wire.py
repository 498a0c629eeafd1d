"""Bytes of a connection: whole fields, in network order."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket

MOST_BYTES = 1 << 16
"""More than any message of these protocols; a longer one is none of theirs."""


class NotTheProtocol(Exception):
    """What came over a connection is not what the protocol has there."""


class Wire:
    """A connection. A peer that leaves in the middle of a message ends in `EOFError`."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection

    def exactly(self, count: int) -> bytes:
        """Return the next `count` bytes."""
        if count > MOST_BYTES:
            raise NotTheProtocol(f"a message of {count} bytes")
        data = bytearray()
        while len(data) < count:
            part = self.socket.recv(count - len(data))
            if not part:
                raise EOFError
            data += part
        return bytes(data)

    def number(self, size: int = 4) -> int:
        """Return the next number, of `size` bytes."""
        return int.from_bytes(self.exactly(size))

    def send(self, *fields: bytes | int) -> None:
        """Send fields; a number has 4 bytes."""
        self.socket.sendall(b"".join(field.to_bytes(4) if isinstance(field, int) else field for field in fields))
