"""A Juno on the bench: its board controller has a prompt, shows its disk over USB, and programs the flash from it."""

from __future__ import annotations

import json
import os
import select
import subprocess
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hil.board.file.boardfile import BoardFile
from hil.board.flash import FlashMemory
from hil.board.flash.sdcard import PARTITION_OFFSET, write_card
from tests.simulators.bench import states
from tests.simulators.board import IMAGE, SimulatedBoard
from tests.simulators.serial import PtyWire

if TYPE_CHECKING:
    from pathlib import Path

    from hil.board.strategy import BoardStrategy

DISK_BYTES = 40 << 20
FILES = {"SOFTWARE/bl1.bin": "bl1", "SOFTWARE/fip.bin": "fip"}


@dataclass
class SimulatedJuno:
    """The disk is the file `card`, seen at `directory`/usb while the controller shows it."""

    directory: Path
    typed: list[str] = field(default_factory=list)
    deaf: bool = False
    disk: dict[str, Any] | None = None
    """The resource by which the board file names the disk, if not as a card reader."""
    flash: bytes | None = None
    """What the controller programmed last: the first file that it starts from."""
    _environments: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.card = self.directory / "card"
        self.usb = self.directory / "usb"
        old = self.directory / "old"
        old.write_bytes(b"old")
        write_card(self.card, {"SOFTWARE/bl1.bin": old, "config.txt": old}, DISK_BYTES)
        for name in ("bl1", "fip"):
            self.image(name).write_bytes(IMAGE + os.urandom(100_000))
        self.prompt = PtyWire(self.directory / "ttyController")
        self.wire = PtyWire(self.directory / "ttyBoard")
        self.board = SimulatedBoard(self.wire.board, lambda: self.flash)
        self._stop = os.eventfd(0)
        self._thread = threading.Thread(target=self._serve, name="simulated-controller", daemon=True)
        self._thread.start()

    def image(self, name: str) -> Path:
        """Where an image is built."""
        return self.directory / f"{name}.bin"

    def on_disk(self, path: str) -> bytes:
        """Return a file of the disk."""
        return subprocess.run(
            ["mcopy", "-n", "-i", f"{self.card}@@{PARTITION_OFFSET}", f"::{path}", "-"], check=True, capture_output=True
        ).stdout

    def board_file(self, path: Path, **flasher: Any) -> Path:
        """Write the board's file."""
        disk = self.disk or {"CardReader": {"path": str(self.usb)}}
        content = {
            "imports": ["hil.drivers", "hil.strategies"],
            "images": {name: str(self.image(name)) for name in FILES.values()},
            "options": {"kind": "board"},
            "targets": {
                "main": {
                    "resources": [
                        {"RawSerialPort": {"name": "controller", "port": str(self.prompt.link)}},
                        {"RawSerialPort": {"name": "monitor", "port": str(self.wire.link)}},
                        disk,
                    ],
                    "drivers": [
                        {"JunoControllerDriver": {"bindings": {"port": "controller"}, "patience": 20}},
                        {"JunoFlasher": {"files": FILES, "largest": 1, **flasher}},
                        {"SerialBoardDriver": {"uarts": ["monitor"], "rest": 0, "patience": 20}},
                        {"UartDriver": {"name": "monitor"}},
                        {"MonitorDriver": {"bindings": {"console": "monitor"}}},
                        {"BoardStrategy": {"states": states(20)}},
                    ],
                }
            },
        }
        path.write_text(json.dumps(content))
        return path

    @property
    def memory(self) -> FlashMemory:
        """The note on the disk; `strategy` has written the board file."""
        return FlashMemory.of_board(BoardFile.read(self.directory / "juno.yaml"))

    def strategy(self, **changes: Any) -> BoardStrategy:
        """Open the board as a run does."""
        from hil.board.file import labgridenv

        env = labgridenv.load(self.board_file(self.directory / "juno.yaml", **changes))
        self._environments.append(env)
        strategy: BoardStrategy = labgridenv.target(env).get_strategy()
        return strategy

    def close(self) -> None:
        """Clear the bench."""
        while self._environments:
            self._environments.pop().cleanup()
        os.eventfd_write(self._stop, 1)
        self._thread.join(10)
        os.close(self._stop)
        self.board.off()
        self.prompt.close()
        self.wire.close()

    def _serve(self) -> None:
        typed = b""
        line = self.prompt.board
        while self._stop not in select.select([line.fileno(), self._stop], [], [])[0]:
            data = line.recv(4096)
            if self.deaf:
                continue
            line.sendall(data.replace(b"\r", b"\r\n"))  # it echoes
            *commands, typed = (typed + data).split(b"\r")
            for command in commands:
                line.sendall(self._execute(command.decode().strip()) + b"\r\nCmd> ")

    def _execute(self, command: str) -> bytes:
        if command:
            self.typed.append(command)
        if command == "usb_on":
            self.usb.unlink(missing_ok=True)
            self.usb.symlink_to("card")
        elif command == "usb_off":
            self.usb.unlink(missing_ok=True)
        elif command == "shutdown":
            self.board.off()
        elif command == "reboot":
            self.board.off()
            self.flash = self.on_disk("SOFTWARE/bl1.bin")
            self.board.on()
            return b"\r\nPowering up system...\r\nSwitching on main power...\r\n"
        elif command:
            return b"ERROR: Unknown command"
        return b""
