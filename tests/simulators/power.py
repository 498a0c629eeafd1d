"""Power switches that listen on the network, as labgrid's `NetworkPowerPort` knows them, with faults.

`rest`: HTTP, PUT and GET of `/relay/{outlet}/value`. `netio_kshell`: a Telnet-like line protocol on one port.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class PowerSwitch:
    """What both kinds have in common: outlets, and what is connected to them.

    With `lies` it says what was asked of it and does nothing; `wired` leads from the number of an outlet to the number
    of the board that hangs on it, for swapped cables; with `hangs` it takes connections and says nothing.
    """

    switch: Callable[[int, bool], None]
    lies: bool = False
    hangs: bool = False
    wired: dict[int, int] = field(default_factory=dict)
    said: dict[int, bool] = field(default_factory=dict)

    def set(self, outlet: int, on: bool) -> None:
        self.said[outlet] = on
        if not self.lies:
            self.switch(self.wired.get(outlet, outlet), on)

    def get(self, outlet: int) -> bool:
        return self.said.get(outlet, False)

    async def serve_http(self) -> int:
        """Listen as a `rest` switch; returns the port."""
        return await self._serve(self._http)

    async def serve_kshell(self) -> int:
        """Listen as a `netio_kshell` switch; returns the port."""
        return await self._serve(self._kshell)

    async def _serve(self, speak: Callable[[asyncio.StreamReader, asyncio.StreamWriter], object]) -> int:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                if self.hangs:
                    await reader.read()
                else:
                    await speak(reader, writer)  # type: ignore[misc]
            except (ConnectionError, asyncio.IncompleteReadError):
                pass
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

    async def _kshell(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"100 HELLO 00000000 - KSHELL V1.4\r\n")
        allowed = False
        while line := await reader.readline():
            match line.decode().split():
                case ["login", "admin", "admin"]:
                    allowed = True
                    answer = "250 OK"
                case ["quit"]:
                    writer.write(b"110 BYE\r\n")
                    return
                case ["port", outlet, value] if allowed:
                    self.set(int(outlet), value == "1")
                    answer = "250 OK"
                case ["port", outlet] if allowed:
                    answer = f"250 {int(self.get(int(outlet)))}"
                case _:
                    answer = "500 INVALID COMMAND" if allowed else "501 FORBIDDEN"
            writer.write(f"{answer}\r\n".encode())
            await writer.drain()
