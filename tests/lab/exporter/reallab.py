"""A lab of labgrid's own coordinator and exporter, ser2net and our keeper, with a simulated board behind a pty.

Nothing of ours stands between `hil` and the board: the exporter starts a real ser2net on the board's serial line, and
the power switch is one on the network, as labgrid knows it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from hil.deadline import Deadline
from hil.lab.address import LabAddress
from hil.lab.client import PlaceStatus, status
from hil.lab.errors import LabUnreachable
from hil.lab.simulated.power import PowerSwitch
from hil.paths import HIL
from tests.simulators.bench import states
from tests.simulators.board import IMAGE, SimulatedBoard
from tests.simulators.serial import PtyWire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

ROOT = Path(__file__).parents[3]
PROGRAMS = Path(sys.executable).parent
LOOPBACK = "127.0.0.1"
PLACE = "bench-1"
TIMEOUT_SECONDS = 60.0
"""For everything that must happen at some time, on a machine that may be busy."""
ADD_PLACE = """
import asyncio, sys
from hil.lab.address import LabAddress
from hil.lab.coordinator import connected

async def add(address, name):
    async with connected(LabAddress.parse(address), "desk/admin") as client:
        await client.add_place(name, {"board": "bench", "boot_seconds": "10"}, f"*/{name}/*")

asyncio.run(add(*sys.argv[1:]))
"""
"""In a process of its own, as its settings are in the environment."""
SUITE = """
from hil.deadline import Deadline

def test_the_monitor_answers(board):
    board.transition("monitor")
    assert board.strategy.shell.monitor._link.ask("hello", Deadline.after(20)) == "olleh"
"""


@dataclass
class BoardOnABench:
    """A simulated board at a pty, and the power switch that it hangs on."""

    wire: PtyWire
    board: SimulatedBoard
    power: PowerSwitch
    port: int = 0
    switched: list[bool] = field(default_factory=list)

    @classmethod
    @contextlib.contextmanager
    def plugged_in(cls, directory: Path) -> Iterator[BoardOnABench]:
        wire = PtyWire(directory / "ttyBoard")
        board = SimulatedBoard(wire.board, lambda: IMAGE)
        bench = cls(wire, board, PowerSwitch(lambda _, on: bench._switch(on)))
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, daemon=True)
        thread.start()
        bench.port = asyncio.run_coroutine_threadsafe(bench.power.serve_http(), loop).result(TIMEOUT_SECONDS)
        try:
            yield bench
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            board.off()
            wire.close()

    @property
    def exports(self) -> dict[str, Any]:
        """What an exporter says about it."""
        return {
            "monitor": {"cls": "RawSerialPort", "port": str(self.wire.link.readlink()), "speed": 115200},
            "NetworkPowerPort": {
                "model": "rest",
                "host": f"http://{LOOPBACK}:{self.port}/relay/{{index}}/value",
                "index": 1,
            },
        }

    def _switch(self, on: bool) -> None:
        self.switched.append(on)
        if on:
            self.board.on()
        else:
            self.board.off()


@dataclass
class RealLab:
    """The lab, and a tree of a user with a board file and a suite."""

    directory: Path
    bench: BoardOnABench
    address: LabAddress
    settings: Mapping[str, str]
    """Variables of the environment with which users of the lab come."""
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    exporter: Sequence[str] = ()

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the lab's programs and users."""
        return {**os.environ, **self.settings, "LG_COORDINATOR": str(self.address)}

    @classmethod
    @contextlib.contextmanager
    def up(
        cls,
        directory: Path,
        *,
        address: LabAddress | None = None,
        more: Mapping[str, Any] | None = None,
        hostname: str = LOOPBACK,
        settings: Mapping[str, str] | None = None,
        coordinator: Sequence[str] = (),
        keeper: Sequence[str] = (),
        exporter: Sequence[str] = (),
    ) -> Iterator[RealLab]:
        """Start everything; `more` are further resources of the board, whose machine the exporter calls `hostname`.

        `coordinator` is another command for it, `keeper` and `exporter` are further options.
        """
        address = address or LabAddress(LOOPBACK, free_port())
        with BoardOnABench.plugged_in(directory) as bench:
            lab = cls(directory, bench, address, settings or {})
            try:
                usual = (str(PROGRAMS / "labgrid-coordinator"), "-l", str(address))
                lab.start("coordinator", *(coordinator or usual), ready="listening")
                keeping = ("--recheck", "1", "--patience", "10", *keeper)
                lab.start("keeper", sys.executable, "-m", "hil.lab", str(address), *keeping)
                lab.exporter = exporter
                lab.export({PLACE: {**bench.exports, **(more or {})}}, hostname)
                lab.write_tree()
                yield lab
            finally:
                for process in reversed(lab.processes.values()):
                    process.terminate()
                for process in lab.processes.values():
                    process.wait(TIMEOUT_SECONDS)

    def export(
        self, exports: Mapping[str, Any], hostname: str = LOOPBACK, name: str = "exporter", under: Sequence[str] = ()
    ) -> None:
        """Start an exporter, by the command `under` if there is one, and make a place of each group that it has."""
        file = self.directory / f"{name}.yaml"
        file.write_text(json.dumps(exports))  # JSON is YAML, too
        command = [str(PROGRAMS / "labgrid-exporter"), "-c", str(self.address), "-n", name, "--hostname", hostname]
        self.start(name, *under, *command, *self.exporter, str(file), ready="Exporter ready")
        for place in exports:
            adding = [sys.executable, "-c", ADD_PLACE, str(self.address), place]
            subprocess.run(adding, cwd=ROOT, env=self.environment, check=True, timeout=TIMEOUT_SECONDS)

    def start(self, name: str, *command: str, ready: str = "", **environment: str) -> None:
        """Start a program; if it says `ready` when it is, wait for that."""
        log = self.directory / f"{name}.log"
        with log.open("ab") as output:
            self.processes[name] = process = subprocess.Popen(
                command,
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**self.environment, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **environment},
            )
        until(
            lambda: process.poll() is not None or ready in log.read_text(),
            f"{name} is ready: {log.read_text()[-2000:]}",
        )
        assert process.poll() is None, log.read_text()

    def end(self, name: str) -> None:
        """End a program."""
        process = self.processes.pop(name)
        process.terminate()
        process.wait(TIMEOUT_SECONDS)

    def tag(self, place: str, tag: str) -> None:
        """Give a place a tag."""
        command = [str(PROGRAMS / "labgrid-client"), "-x", str(self.address), "-p", place, "set-tags", tag]
        subprocess.run(command, env=self.environment, check=True, timeout=TIMEOUT_SECONDS)

    def write_tree(
        self,
        drivers: list[dict[str, Any]] | None = None,
        board: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> Path:
        """Write the user's tree; returns its board file. `board` are more attributes of the board's driver."""
        tree = self.directory / "tree"
        for folder in ("boards", "suites"):
            (tree / folder).mkdir(parents=True, exist_ok=True)
        (tree / "pyproject.toml").write_text('[tool.hil]\nboards = ["bench"]\n')
        (tree / "suites" / "test_bench.py").write_text(SUITE)
        content = {
            "imports": ["hil.drivers", "hil.strategies"],
            "options": {"kind": "board"},
            "targets": {
                "main": {
                    "resources": [{"RemotePlace": {"name": "!PLACE!"}}],
                    "drivers": [
                        {"NetworkPowerDriver": {}},
                        *(drivers or []),
                        {"SerialBoardDriver": {"uarts": ["monitor"], "rest": 0, **(board or {})}},
                        {"UartDriver": {"name": "monitor"}},
                        {"MonitorDriver": {"bindings": {"console": "monitor"}}},
                        {"BoardStrategy": {"states": states(20), "panics": [{"uart": "monitor", "line": "PANIC"}]}},
                    ],
                }
            },
            **more,
        }
        file = tree / "boards" / "bench-remote.yaml"
        file.write_text(json.dumps(content, indent=1).replace('"!PLACE!"', "!template $LG_PLACE"))
        return file

    def hil(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run `hil` in the user's tree."""
        return subprocess.run(
            [*HIL, *arguments],
            cwd=self.directory / "tree",
            env={**self.environment, "COLUMNS": "200", **environment},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )

    def record(self) -> dict[str, Any]:
        """The record of the last run."""
        path = self.directory / "tree" / "reports" / "latest" / "run.json"
        record: dict[str, Any] = json.loads(path.read_text())
        return record

    def place(self, name: str = PLACE) -> PlaceStatus:
        """A place, as the keeper sees it."""
        with mock.patch.dict(os.environ, self.settings):
            return next(place for place in status(self.address) if place.name == name)

    def await_good(self, name: str = PLACE) -> None:
        """Wait until the keeper has checked the board, and it is free."""
        self.await_health(lambda place: (place.health, place.state) == ("good", "free"), name)

    def await_health(self, condition: Callable[[PlaceStatus], bool], name: str = PLACE) -> None:
        def found() -> bool:
            with contextlib.suppress(LabUnreachable, StopIteration):
                return condition(self.place(name))
            return False

        until(found, f"{name} is in the wanted state, see {self.directory}/keeper.log")


def until(condition: Callable[[], Any], what: str) -> None:
    """Wait until something is so."""
    deadline = Deadline.after(TIMEOUT_SECONDS)
    while not condition():
        assert not deadline.expired, f"not within {deadline}: {what}"
        time.sleep(0.05)


def free_port(host: str = LOOPBACK) -> int:
    """A port that is free, as its successor is, which the keeper takes."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        with socket.socket(family) as first, socket.socket(family) as second:
            first.bind((host, 0))
            port = int(first.getsockname()[1])
            with contextlib.suppress(OSError):
                second.bind((host, port + 1))
                return port
