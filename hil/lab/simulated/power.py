"""A power switch that listens on the network, as labgrid's `NetworkPowerPort` knows it under the model `rest`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Speak = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class PowerSwitch:
    """Outlets by number, and what switches the boards that are connected to them."""

    switch: Callable[[int, bool], None]
    said: dict[int, bool] = field(default_factory=dict)
    """The state that each outlet was last set to."""

    def set(self, outlet: int, on: bool) -> None:
        """Switch an outlet."""
        self.said[outlet] = on
        self.switch(outlet, on)

    def get(self, outlet: int) -> bool:
        """Return whether an outlet is on."""
        return self.said.get(outlet, False)

    async def serve_http(self) -> int:
        """Listen for PUT and GET of `/relay/{outlet}/value`; returns the port."""
        return await self.listen(self._http)

    async def listen(self, speak: Speak) -> int:
        """Listen on a free port of the loopback address, and let `speak` serve each connection; returns the port."""

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await speak(reader, writer)
            except (ConnectionError, asyncio.IncompleteReadError):
                pass  # the client has gone: nobody is left to answer
            finally:
                writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        return int(server.sockets[0].getsockname()[1])

    async def _http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        method, path, _ = head[0].split()
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        outlet = int(path.split("/")[2])
        if method == "PUT":
            self.set(outlet, body == b"1")
        answer = str(int(self.get(outlet)))
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\n{answer}".encode())
        await writer.drain()
