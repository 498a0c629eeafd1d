"""A power switch with faults, which speaks a second protocol: `netio_kshell`, a line protocol like Telnet."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hil.lab.simulated.power import PowerSwitch

if TYPE_CHECKING:
    import asyncio

    from hil.lab.simulated.power import Speak


@dataclass
class FaultySwitch(PowerSwitch):
    """A power switch that can go wrong.

    With `lies` it says what was asked of it and does nothing; `wired` leads from the number of an outlet to the number
    of the board that hangs on it, for swapped cables; with `hangs` it takes connections and says nothing.
    """

    lies: bool = False
    hangs: bool = False
    wired: dict[int, int] = field(default_factory=dict)

    def set(self, outlet: int, on: bool) -> None:
        self.said[outlet] = on
        if not self.lies:
            self.switch(self.wired.get(outlet, outlet), on)

    async def serve_kshell(self) -> int:
        """Listen as a `netio_kshell` switch; returns the port."""
        return await self.listen(self._kshell)

    async def listen(self, speak: Speak) -> int:
        async def speak_or_hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if self.hangs:
                await reader.read()
            else:
                await speak(reader, writer)

        return await super().listen(speak_or_hang)

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
