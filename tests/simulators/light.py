"""Light boards: many in one process, each a serial line over TCP that speaks the monitor's banners and line protocol.

They answer `ping` as the monitor does, and `case <name> <milliseconds>` after that time. Each case that ends is a line
in the journal: which board, which case, when it began and ended, and over which connection it was asked for. So the
journal tells when two runners used one board, and when a case ran twice.

A file `<board>.dead` makes a board silent, `<board>.stuck` its power switch do nothing, and `<board>.swapped` names the
board that hangs on its outlet.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
import zlib
from pathlib import Path

import yaml

from hil.target.monitor import abi
from tests.simulators.power import PowerSwitch

BANNERS = (
    "NOTICE:  BL31: v2.12",
    "NOTICE:  vTPM: service 1.0 ready",
    "monitor: ready",
)


class LightBoard:
    """One board; off until its power is switched on."""

    def __init__(self, name: str, directory: Path) -> None:
        self.name = name
        self.on = False
        self.starts = 0
        self._last = ("", "")
        self.connections = 0
        self._directory = directory
        self._journal = directory / "journal.jsonl"
        self._lines: set[asyncio.StreamWriter] = set()

    def fault(self, kind: str) -> str:
        """What the file `<board>.<kind>` says; empty without one."""
        file = self._directory / f"{self.name}.{kind}"
        return file.read_text() if file.exists() else ""

    @property
    def dead(self) -> bool:
        return self.fault("dead") != ""

    def switch(self, on: bool) -> None:
        """Switch the power. A dead board stays silent; a stuck switch does nothing."""
        if self.fault("stuck"):
            return
        begins = on and not self.on
        self.on = on
        self.starts += begins
        if begins and not self.dead:
            for writer in self._lines:
                writer.write("".join(f"{line}\r\n" for line in BANNERS).encode())

    async def serve(self) -> int:
        """Listen; returns the port."""
        server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        return int(server.sockets[0].getsockname()[1])

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        connection = self.connections
        self._lines.add(writer)
        try:
            while line := await reader.readline():
                if self.on and not self.dead:
                    await self._answer(line, writer, connection)
        except ConnectionError:
            pass
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
                return "err unknown: a light board knows ping and case"

    async def _case(self, case: str, seconds: float, connection: int) -> None:
        begin = time.monotonic()
        starts = self.starts
        await asyncio.sleep(seconds)  # what a board takes for its work
        if not self.on or self.starts != starts:
            return
        entry = {"board": self.name, "case": case, "begin": begin, "end": time.monotonic(), "connection": connection}
        with self._journal.open("a") as journal:
            journal.write(json.dumps(entry) + "\n")


async def serve(directory: Path, count: int, exporters: int) -> None:
    """Serve `count` boards; write what `exporters` export of them, and which places they are."""
    boards = {number: LightBoard(f"light-{number}", directory) for number in range(1, count + 1)}

    def switch(number: int, on: bool) -> None:
        board = boards[number]
        if other := board.fault("swapped"):
            board = next(one for one in boards.values() if one.name == other)
        board.switch(on)
        new = directory / "on.json.new"
        new.write_text(json.dumps([board.name for board in boards.values() if board.on]))
        new.replace(directory / "on.json")

    power = PowerSwitch(switch)
    port = await power.serve_http()
    for exporter in range(exporters):
        exports = {
            board.name: {
                "monitor": {
                    "cls": "NetworkSerialPort",
                    "host": "127.0.0.1",
                    "port": await board.serve(),
                    "protocol": "raw",
                },
                "NetworkPowerPort": {
                    "model": "rest",
                    "host": f"http://127.0.0.1:{port}/relay/{{index}}/value",
                    "index": number,
                },
            }
            for number, board in boards.items()
            if number % exporters == exporter
        }
        (directory / f"light-{exporter + 1}.yaml").write_text(yaml.safe_dump(exports))
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)  # whoever started us holds the other end


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--boards", type=int, default=4)
    parser.add_argument("--exporters", type=int, default=1)
    options = parser.parse_args()
    asyncio.run(serve(options.directory, options.boards, options.exporters))


if __name__ == "__main__":
    main()
