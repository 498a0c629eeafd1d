"""A serial server on the network that speaks RFC2217, or speaks it as badly as real ones do."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

IAC, SE, SB, WILL, WONT, DO, DONT = 255, 240, 250, 251, 252, 253, 254
COM_PORT = 44
PURGE = 12
ANSWER = 100
"""What is added to a command's number for the number of its answer."""


class SerialServer:
    """Takes any number of connections. Modes: `ok`, `mute`, `nopurge`, `close`, `raw`.

    `ok` sends every byte of data back; `mute` answers nothing at all; `nopurge` answers everything but PURGE-DATA;
    `close` ends each connection at once; `raw` speaks no Telnet and sends everything back.
    """

    def __init__(self, mode: str, host: str = "127.0.0.1") -> None:
        self.mode = mode
        self.connections: list[socket.socket] = []
        self._server = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        self.port = int(self._server.getsockname()[1])
        threading.Thread(target=self._accept, name="serial-server", daemon=True).start()

    def close(self) -> None:
        """End all connections, and take no more."""
        for line in (self._server, *self.connections):
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
            line.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                line, _ = self._server.accept()
                self.connections.append(line)
                if self.mode == "close":
                    line.close()
                else:
                    threading.Thread(target=self._serve, args=(line,), daemon=True).start()

    def _serve(self, line: socket.socket) -> None:
        unread = b""
        with contextlib.suppress(OSError):
            while data := line.recv(4096):
                if self.mode == "raw":
                    line.sendall(data)
                elif self.mode != "mute":
                    unread = self._take(unread + data, line.sendall)

    def _take(self, data: bytes, send: Callable[[bytes], None]) -> bytes:
        """Answer whole commands, and send back what is data; returns the beginning of a command."""
        while data:
            if data[0] != IAC:
                text = data.partition(bytes((IAC,)))[0]
                send(text)
                data = data[len(text) :]
            elif len(data) >= 3 and data[1] in (WILL, DO):
                send(bytes((IAC, DO if data[1] == WILL else WILL, data[2])))
                data = data[3:]
            elif len(data) >= 3 and data[1] in (WONT, DONT):
                data = data[3:]
            elif data[1:2] == bytes((SB,)) and bytes((IAC, SE)) in data:
                body, _, data = data[2:].partition(bytes((IAC, SE)))
                if body[0] == COM_PORT and not (self.mode == "nopurge" and body[1] == PURGE):
                    send(bytes((IAC, SB, COM_PORT, body[1] + ANSWER)) + body[2:] + bytes((IAC, SE)))
            else:
                break
        return data
