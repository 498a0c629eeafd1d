"""A TFTP server that serves a directory, and the client in a board's boot ROM (RFC 1350, read requests, octet mode)."""

from __future__ import annotations

import socket
import struct
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

READ, DATA, ACKNOWLEDGE, ERROR = 1, 3, 4, 5
BLOCK = 512
SECONDS = 10.0


class TftpServer:
    """Serves one client at a time, until it is closed."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, name="tftp-server", daemon=True)
        self._thread.start()

    @property
    def address(self) -> tuple[str, int]:
        """Where requests go."""
        host, port = self._socket.getsockname()
        return str(host), int(port)

    def close(self) -> None:
        """Stop serving."""
        self._socket.sendto(b"", self.address)
        self._thread.join(SECONDS)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            request, client = self._socket.recvfrom(BLOCK + 4)
            if not request:
                return
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as transfer:
                transfer.settimeout(SECONDS)
                transfer.connect(client)
                self._answer(request, transfer)

    def _answer(self, request: bytes, transfer: socket.socket) -> None:
        (kind,) = struct.unpack_from("!H", request)
        name = request[2:].split(b"\0")[0].decode()
        path = self._root / name
        if kind != READ or not path.is_file() or not path.stat().st_mode & 0o004:
            transfer.send(struct.pack("!HH", ERROR, 1) + b"not served\0")
            return
        content = path.read_bytes()
        for number in range(len(content) // BLOCK + 1):
            block = struct.pack("!HH", DATA, (number + 1) & 0xFFFF)
            transfer.send(block + content[number * BLOCK : (number + 1) * BLOCK])
            transfer.recv(4)


def fetch(address: tuple[str, int], name: str) -> bytes:
    """Return a file as a boot ROM gets it. Raises `FileNotFoundError`."""
    content = b""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.settimeout(SECONDS)
        line.sendto(struct.pack("!H", READ) + name.encode() + b"\0octet\0", address)
        while True:
            packet, server = line.recvfrom(BLOCK + 4)
            kind, number = struct.unpack_from("!HH", packet)
            if kind == ERROR:
                raise FileNotFoundError(name)
            line.sendto(struct.pack("!HH", ACKNOWLEDGE, number), server)
            content += packet[4:]
            if len(packet) < BLOCK + 4:
                return content
