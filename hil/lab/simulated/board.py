"""A simulated board: a serial line over TCP that speaks the monitor's banners and line protocol.

It answers `ping` as the monitor does, and `case <name> <milliseconds>` after that time, as if the board had worked so
long. Each case that ends is a line in the journal: which board, which case, when it began and ended, and over which
connection it was asked for. So the journal shows when two runners used one board, and when a case ran twice.

Faults are files beside the journal, so that a test can make and end them while the boards run: `<board>.dead` makes a
board silent, `<board>.stuck` makes its power switch do nothing, and `<board>.swapped` has the name of the board that is
connected to its outlet.
"""

from __future__ import annotations

import asyncio
import json
import time
import zlib
from typing import TYPE_CHECKING

from hil.target.monitor import abi

if TYPE_CHECKING:
    from pathlib import Path

LOOPBACK = "127.0.0.1"
JOURNAL = "journal.jsonl"
"""What the boards themselves say that they did, a line per case."""

BANNERS = (
    "NOTICE:  BL31: v2.12",
    "NOTICE:  vTPM: service 1.0 ready",
    "monitor: ready",
)
"""What the patterns in the board file match, in order."""


class SimulatedBoard:
    """One board; off until its power is switched on."""

    def __init__(self, name: str, directory: Path) -> None:
        self.name = name
        self.on = False
        self._starts = 0
        self._last = ("", "")
        self._connections = 0
        self._directory = directory
        self._journal = directory / JOURNAL
        self._lines: set[asyncio.StreamWriter] = set()

    def fault(self, kind: str) -> str:
        """Return what the file `<board>.<kind>` says; empty without one."""
        file = self._directory / f"{self.name}.{kind}"
        return file.read_text(encoding="utf-8") if file.exists() else ""

    @property
    def dead(self) -> bool:
        """Whether it is silent, whatever its power switch does."""
        return self.fault("dead") != ""

    def switch(self, on: bool) -> None:
        """Switch the power. A dead board stays silent; a stuck switch does nothing."""
        if self.fault("stuck"):
            return
        begins = on and not self.on
        self.on = on
        self._starts += begins
        if begins and not self.dead:
            for writer in self._lines:
                writer.write("".join(f"{line}\r\n" for line in BANNERS).encode())

    async def serve(self) -> int:
        """Listen; returns the port."""
        server = await asyncio.start_server(self._talk, LOOPBACK, 0)
        return int(server.sockets[0].getsockname()[1])

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        connection = self._connections
        self._lines.add(writer)
        try:
            while line := await reader.readline():
                if self.on and not self.dead:
                    await self._answer(line, writer, connection)
        except ConnectionError:
            pass  # a runner that was killed: what it asked for is in the journal, or not
        finally:
            self._lines.discard(writer)
            writer.close()

    async def _answer(self, line: bytes, writer: asyncio.StreamWriter, connection: int) -> None:
        body, mark, crc = line.strip().rpartition(b" *")
        if not mark or not body.startswith(b":") or zlib.crc32(body[1:]) != int(crc, 16):
            writer.write(b"monitor> \r\n")
            return
        sequence, _, text = body[1:].decode("ascii").partition(" ")
        if sequence != self._last[0]:  # else it is asked again, by somebody who has not heard the answer
            self._last = (sequence, await self._execute(text, connection))
        if self.on:
            reply = " ".join(self._last).encode()
            writer.write(b"=%s *%08x\n" % (reply, zlib.crc32(reply)))

    async def _execute(self, text: str, connection: int) -> str:
        match text.split():
            case ["ping"]:
                return f"ok {abi.AGENT_ABI_VERSION:x}"
            case ["case", case, milliseconds]:
                await self._case(case, float(milliseconds) / 1000, connection)
                return "ok"
            case _:
                return "err unknown: a simulated board knows ping and case"

    async def _case(self, case: str, seconds: float, connection: int) -> None:
        begin = time.monotonic()
        starts = self._starts
        await asyncio.sleep(seconds)  # what a board takes for its work
        if not self.on or self._starts != starts:
            return  # its power was cut meanwhile, so the case never ended
        entry = {"board": self.name, "case": case, "begin": begin, "end": time.monotonic(), "connection": connection}
        with self._journal.open("a", encoding="utf-8") as journal:
            journal.write(json.dumps(entry) + "\n")
