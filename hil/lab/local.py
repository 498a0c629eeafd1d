"""A local lab: coordinator, exporters and keeper as in a real lab, on one machine and on loopback only."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import random
import shutil
import socket
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml
from filelock import FileLock, Timeout

from hil.deadline import Deadline
from hil.errors import InfrastructureError, UsageError
from hil.files import write_atomically
from hil.interruption import ending_signals
from hil.lab import simulated
from hil.lab.address import COORDINATOR_PORT, LabAddress
from hil.lab.client import status
from hil.lab.coordinator import connected
from hil.lab.errors import LabUnreachable
from hil.lab.tags import BOARD, BOOT_SECONDS, GOOD, MACHINE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

LOOPBACK = "127.0.0.1"
PORTS = range(COORDINATOR_PORT, COORDINATOR_PORT + 10_000, 2)
"""Below the ephemeral ports, which the kernel gives to connections."""
START_SECONDS = 240.0
PAUSE_SECONDS = 0.1
"""The interval at which it is checked whether something has started."""
RESTART_SECONDS = 1.0
"""The pause before a part that died is restarted, as by a service manager."""
END_SECONDS = 5.0

COORDINATOR = "coordinator"
READY = "ready"
"""How the line begins that a lab says last before it waits for its end."""
STATE = "lab.json"
LOCK = "lab.lock"

SIMULATED_BOOT_SECONDS = 3
"""Simulated boards answer at once, but the machine may be busy."""


@dataclass(frozen=True, slots=True)
class LocalLabOptions:
    """The parts of a local lab: simulated boards, spread over exporters, and seats for each of the emulated boards.

    `recheck` is the interval in seconds at which a sick board is checked; a silence of `timeout` seconds ends a lease.
    """

    simulated_boards: int
    exporters: int
    emulators: int
    emulated_boards: Sequence[str]
    recheck: float
    timeout: float


@dataclass(slots=True)
class LabPart:
    """One process of the lab."""

    name: str
    command: Sequence[str]
    directory: Path
    pid: int = 0
    ready: asyncio.Event = field(default_factory=asyncio.Event)


class LocalLab:
    """A lab that runs until it is cancelled. A part that dies is restarted, and all end with this process."""

    def __init__(self, root: Path, directory: Path, options: LocalLabOptions, say: Callable[[str], None]) -> None:
        self._root = root
        self._directory = directory
        self._options = options
        self._say = say
        self._parts: list[LabPart] = []
        self._ready = False
        self._tasks: list[asyncio.Task[None]] = []
        self.address = LabAddress(LOOPBACK, _free_pair_of_ports())

    async def run(self) -> None:
        """Start all parts, and keep them running until it is interrupted. Raises `UsageError` if it runs already."""
        self._directory.mkdir(parents=True, exist_ok=True)
        logging.getLogger().addHandler(
            logging.NullHandler()
        )  # silence labgrid's client, which logs each attempt to connect
        try:
            lock = FileLock(self._directory / LOCK, timeout=0).acquire()
        except Timeout:
            raise UsageError(
                f"the lab in {self._directory} is up already", hint="hil lab status, hil lab down"
            ) from None
        with lock:
            ours = asyncio.current_task()
            assert ours is not None
            for number in ending_signals():
                asyncio.get_running_loop().add_signal_handler(number, ours.cancel)
            try:
                await self._start()
                await asyncio.gather(*self._tasks)
            except asyncio.CancelledError:
                self._say("ending")
            finally:
                for task in self._tasks:
                    task.cancel()
                await asyncio.gather(*self._tasks, return_exceptions=True)
                (self._directory / STATE).unlink(missing_ok=True)

    async def _start(self) -> None:
        begun = time.monotonic()
        deadline = Deadline.after(START_SECONDS)
        shutil.rmtree(
            self._directory / COORDINATOR, ignore_errors=True
        )  # or it would begin with the places of an earlier lab
        if self._options.simulated_boards:
            self._say(f"starting {self._options.simulated_boards} simulated boards")
            await self._run_simulated_boards()
        self._say(f"starting the coordinator at {self.address}, the keeper, and the exporters")
        self._run(COORDINATOR, "labgrid.remote.coordinator", "-l", str(self.address))
        times = ("--recheck", str(self._options.recheck), "--patience", str(self._options.timeout))
        self._run("keeper", "hil.lab", str(self.address), *times)
        await self._define_places(deadline)
        for file in self._exports():
            self._run(file.stem, "labgrid.remote.exporter", "-c", str(self.address), "-n", file.stem, str(file))
        await self._await_health(deadline)
        self._write_state(ready=True)
        self._say(f"{READY} after {time.monotonic() - begun:.1f} s: {self._what_next()}")

    def _what_next(self) -> str:
        if self._emulator_seats():
            return f"hil run --pool board={self._options.emulated_boards[0]} -n {self._options.emulators}"
        return "hil lab status"

    async def _run_simulated_boards(self) -> None:
        options = self._options
        sizes = ("--boards", str(options.simulated_boards), "--exporters", str(options.exporters))
        part = self._run("simulated-boards", simulated.__name__, str(self._directory), *sizes)
        await asyncio.wait_for(part.ready.wait(), START_SECONDS)

    def _exports(self) -> list[Path]:
        """Write the file of the exporter of emulators; return the files of all exporters."""
        emulators = self._directory / "emulators.yaml"
        seats = {
            name: {"NetworkService": {"address": LOOPBACK, "username": "emulator"}}
            for name, _ in self._emulator_seats()
        }
        emulators.write_text(yaml.safe_dump(seats), encoding="utf-8")
        boards = [self._directory / f"{simulated.BOARD}-{n + 1}.yaml" for n in range(self._options.exporters)]
        return [*(boards if self._options.simulated_boards else []), *([emulators] if seats else [])]

    def _emulator_seats(self) -> list[tuple[str, str]]:
        """Return name and board of every seat for an emulator."""
        return [
            (f"{board}-{number + 1}", board)
            for board in self._options.emulated_boards
            for number in range(self._options.emulators)
        ]

    async def _define_places(self, deadline: Deadline) -> None:
        tags = {BOARD: simulated.BOARD, BOOT_SECONDS: str(SIMULATED_BOOT_SECONDS)}
        while True:
            try:
                async with connected(self.address, f"{socket.gethostname()}/lab-up") as lab:
                    for number in range(1, self._options.simulated_boards + 1):
                        place = f"{simulated.BOARD}-{number}"
                        await lab.add_place(place, tags, f"*/{place}/*")
                    for name, board in self._emulator_seats():
                        await lab.add_place(name, {BOARD: board, MACHINE: socket.gethostname()}, f"emulators/{name}/*")
                return
            except LabUnreachable:
                if deadline.expired:
                    raise
                await asyncio.sleep(PAUSE_SECONDS)

    async def _await_health(self, deadline: Deadline) -> None:
        """Wait until the keeper has taken all boards into the pool."""
        count = self._options.simulated_boards + len(self._emulator_seats())
        self._say(f"checking {count} boards")
        while True:
            with contextlib.suppress(LabUnreachable):
                places = await asyncio.to_thread(status, self.address)
                if sum(place.health == GOOD for place in places) == count:
                    return
                if deadline.expired:
                    ill = "; ".join(f"{place.name}: {place.why}" for place in places if place.health != GOOD)
                    raise InfrastructureError(
                        f"not all boards are healthy: {ill}", hint=f"look at {self._directory}/*.log"
                    )
            if deadline.expired:
                raise LabUnreachable("the keeper did not start", hint=f"look at {self._directory}/*.log")
            await asyncio.sleep(PAUSE_SECONDS)

    def _run(self, name: str, module: str, *arguments: str) -> LabPart:
        directory = self._directory / COORDINATOR if name == COORDINATOR else self._root
        directory.mkdir(exist_ok=True)
        # Modules, not commands: labgrid of this very environment, also when its commands are not on the PATH.
        command = ("setpriv", "--pdeathsig", "KILL", sys.executable, "-m", module, *arguments)
        part = LabPart(name, command, directory)
        self._parts.append(part)
        self._tasks.append(asyncio.create_task(self._keep_running(part)))
        return part

    async def _keep_running(self, part: LabPart) -> None:
        while True:
            with (self._directory / f"{part.name}.log").open("ab") as log:
                process = await asyncio.create_subprocess_exec(
                    *part.command,
                    cwd=part.directory,
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=log,
                    start_new_session=True,
                )
                part.pid = process.pid
                self._write_state()
                try:
                    assert process.stdout is not None
                    async for line in process.stdout:
                        part.ready.set()
                        log.write(line)
                        log.flush()
                    code = await process.wait()
                finally:
                    await _end(process)
            self._say(f"{part.name} ended with {code}; starting it again")
            await asyncio.sleep(RESTART_SECONDS)
            if part.name == COORDINATOR:  # it saves places only every 15 s, so some may be lost
                self._tasks.append(asyncio.create_task(self._define_places(Deadline.after(START_SECONDS))))

    def _write_state(self, *, ready: bool = False) -> None:
        self._ready = self._ready or ready
        state = {
            "pid": os.getpid(),
            "coordinator": str(self.address),
            "ready": self._ready,
            "pids": {part.name: part.pid for part in self._parts},
        }
        write_atomically(self._directory / STATE, json.dumps(state, indent=2).encode())


def running_lab(directory: Path) -> LabAddress | None:
    """Return the address of the local lab in `directory` once it is ready, None if none runs there."""
    state = _state(directory)
    return LabAddress.parse(state["coordinator"]) if state.get("ready") else None


def supervisor(directory: Path) -> int:
    """Return the id of the process that runs the local lab in `directory`, 0 if none runs there."""
    return int(_state(directory).get("pid", 0))


def part_of(directory: Path, name: str) -> int:
    """Return the id of a part's process, such as an exporter, of the local lab in `directory`."""
    return int(_state(directory)["pids"][name])


def _state(directory: Path) -> dict[str, Any]:
    """Return the state of the local lab in `directory`, empty unless it runs: the file alone may be left over."""
    try:
        state: dict[str, Any] = json.loads((directory / STATE).read_text(encoding="utf-8"))
        with FileLock(directory / LOCK, timeout=0):
            return {}
    except FileNotFoundError:
        return {}
    except Timeout:
        return state


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), END_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()


def _free_pair_of_ports() -> int:
    """Return a free port whose successor is free, too. It is a random one, as other labs may be starting right now."""
    for port in random.sample(PORTS, len(PORTS)):
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for number in (port, port + 1):
                stack.enter_context(socket.socket()).bind((LOOPBACK, number))
            return port
    raise InfrastructureError("no two ports in a row are free on this machine")
