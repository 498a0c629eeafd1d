"""All simulated boards of a lab in one process: the boards, their power switch, and what exporters export of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import yaml

from hil.files import write_atomically
from hil.lab.simulated import BOARD
from hil.lab.simulated.board import LOOPBACK, SimulatedBoard
from hil.lab.simulated.power import PowerSwitch

if TYPE_CHECKING:
    from pathlib import Path

SWITCHED_ON = "on.json"
"""The names of the boards that have power."""


class Rack:
    """Boards by number, from 1, each on the outlet of its number."""

    def __init__(self, directory: Path, count: int) -> None:
        self._directory = directory
        self.boards = {number: SimulatedBoard(f"{BOARD}-{number}", directory) for number in range(1, count + 1)}

    def switch(self, outlet: int, on: bool) -> None:
        """Switch an outlet; which board is connected to it depends on the fault `swapped`."""
        board = self.boards[outlet]
        if other := board.fault("swapped"):
            board = next(candidate for candidate in self.boards.values() if candidate.name == other)
        board.switch(on)
        switched_on = [board.name for board in self.boards.values() if board.on]
        write_atomically(self._directory / SWITCHED_ON, json.dumps(switched_on).encode())


async def serve(directory: Path, count: int, exporters: int) -> None:
    """Serve `count` boards; write the files of `exporters` exporters, `simulated-1.yaml` and so on, to `directory`."""
    rack = Rack(directory, count)
    port = await PowerSwitch(rack.switch).serve_http()
    for exporter in range(exporters):
        exports = {
            board.name: {
                "monitor": {
                    "cls": "NetworkSerialPort",
                    "host": LOOPBACK,
                    "port": await board.serve(),
                    "protocol": "raw",
                },
                "NetworkPowerPort": {
                    "model": "rest",
                    "host": f"http://{LOOPBACK}:{port}/relay/{{index}}/value",
                    "index": number,
                },
            }
            for number, board in rack.boards.items()
            if number % exporters == exporter
        }
        (directory / f"{BOARD}-{exporter + 1}.yaml").write_text(yaml.safe_dump(exports), encoding="utf-8")
