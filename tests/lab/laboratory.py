"""A lab of simulated boards and real processes, and runners that lease its boards."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from hil.deadline import Deadline
from hil.lab.address import LabAddress
from hil.lab.client import PlaceStatus, status
from hil.lab.errors import LabUnreachable
from hil.paths import HIL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
CASES = "hil/operations/trial/cases.py"
LEASE_SECONDS = 10.0
"""A runner that is silent for so long loses its board."""
TIMEOUT_SECONDS = 120.0
"""For everything that must happen at some time, on a machine that may be busy."""


@dataclass
class Runner:
    """A process that leases a board, and uses it until the lease is lost."""

    process: subprocess.Popen[str]

    @classmethod
    def start(cls, address: LabAddress, tags: str = "board=simulated", wait: float = TIMEOUT_SECONDS) -> Runner:
        command = [sys.executable, "-m", "tests.lab.runner", str(address), tags, str(wait)]
        return cls(subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))

    def says(self) -> dict[str, Any]:
        """The next thing that it reports."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        said: dict[str, Any] = json.loads(line) if line else {"said": "nothing"}
        return said

    def wait_for_lease(self) -> str:
        """Wait until it has a lease, and return the place."""
        said = self.says()
        assert said["said"] == "leased", said
        return str(said["place"])

    def let_go(self) -> None:
        """Make it release its board."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@dataclass
class Laboratory:
    directory: Path
    process: subprocess.Popen[bytes]
    runners: list[Runner] = field(default_factory=list)
    runs_started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @classmethod
    @contextlib.contextmanager
    def up(cls, directory: Path, *, boards: int, exporters: int) -> Iterator[Laboratory]:
        sizes = ["--boards", str(boards), "--exporters", str(exporters), "--emulators", "0"]
        times = ["--recheck", "2", "--patience", str(LEASE_SECONDS)]
        process = subprocess.Popen([*HIL, "lab", "up", "--directory", str(directory), *sizes, *times], cwd=ROOT)
        laboratory = cls(directory, process)
        try:
            laboratory.until(lambda: laboratory._state().get("ready"), "the lab is ready")
            yield laboratory
        finally:
            laboratory.end_runners()
            process.terminate()
            process.wait(TIMEOUT_SECONDS)

    @property
    def address(self) -> LabAddress:
        return LabAddress.parse(self._state()["coordinator"])

    def pid(self, part: str) -> int:
        return int(self._state()["pids"][part])

    def kill(self, part: str) -> None:
        """Kill a part of the lab; it is started again."""
        os.kill(self.pid(part), signal.SIGKILL)

    def places(self) -> dict[str, PlaceStatus]:
        """All places; none while the keeper, or the coordinator behind it, is away."""
        try:
            return {place.name: place for place in status(self.address)}
        except LabUnreachable:
            return {}

    def place(self, name: str) -> PlaceStatus:
        return self.places()[name]

    def runner(self, tags: str = "board=simulated", wait: float = TIMEOUT_SECONDS) -> Runner:
        runner = Runner.start(self.address, tags, wait)
        self.runners.append(runner)
        return runner

    def end_runners(self) -> None:
        for runner in self.runners:
            runner.kill()
        self.runners.clear()
        for run in self.runs_started:
            run.kill()
            run.wait()
        self.runs_started.clear()
        (self.directory / "journal.jsonl").unlink(missing_ok=True)

    def await_all_free(self) -> None:
        def all_free() -> bool:
            places = self.places().values()
            return bool(places) and all((place.state, place.health) == ("free", "good") for place in places)

        self.until(all_free, "all boards are free and well")

    def until(self, condition: Callable[[], Any], what: str, seconds: float = TIMEOUT_SECONDS) -> None:
        """Wait until something is so."""
        deadline = Deadline.after(seconds)
        while not condition():
            assert self.process.poll() is None, "the lab ended"
            assert not deadline.expired, f"not within {deadline}: {what}; {self.places()}"
            time.sleep(0.05)

    def client(self, *arguments: str) -> None:
        """Run labgrid's own client."""
        program = Path(sys.executable).parent / "labgrid-client"
        subprocess.run([program, "-x", str(self.address), *arguments], check=True, timeout=TIMEOUT_SECONDS)

    def start_cases(self, tags: str, *, cases: int, milliseconds: int) -> subprocess.Popen[bytes]:
        """Run the cases for simulated boards on boards with these tags, as a user does."""
        variables = {
            "LG_COORDINATOR": str(self.address),
            "HIL_TRIAL_CASES": str(cases),
            "HIL_TRIAL_MILLISECONDS": str(milliseconds),
        }
        reports = f"--hil-reports={self.directory / 'reports'}"
        with (self.directory / "run.log").open("ab") as log:
            run = subprocess.Popen(
                [*HIL, "run", "--pool", tags, CASES, reports],
                cwd=ROOT,
                env={**os.environ, **variables},
                stdout=log,
                stderr=log,
            )
        self.runs_started.append(run)
        return run

    def workers(self, run: subprocess.Popen[bytes]) -> list[psutil.Process]:
        """The processes of a run that drive a board each: they are forked from a child of the run."""
        with contextlib.suppress(psutil.NoSuchProcess):
            return [worker for child in psutil.Process(run.pid).children() for worker in child.children()]
        return []

    def latest_record(self) -> dict[str, Any]:
        """The record of the last run."""
        record: dict[str, Any] = json.loads((self.directory / "reports" / "latest" / "run.json").read_text())
        return record

    def switched_on(self) -> set[str]:
        """The boards that have power, asked past the lab."""
        return set(json.loads((self.directory / "on.json").read_text()))

    @contextlib.contextmanager
    def fault(self, board: str, kind: str, text: str = "yes") -> Iterator[None]:
        """Break a board for a while, in one of the ways that hil.lab.simulated.board knows."""
        file = self.directory / f"{board}.{kind}"
        file.write_text(text)
        try:
            yield
        finally:
            file.unlink()

    def keeper_says(self, about: str) -> list[str]:
        """The lines of the keeper's log about something."""
        return [line for line in (self.directory / "keeper.log").read_text().splitlines() if about in line]

    def journal(self) -> list[dict[str, Any]]:
        """What the boards did."""
        path = self.directory / "journal.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def users(self, board: str) -> list[int]:
        """The connections over which a board was asked for cases, in order."""
        return list(dict.fromkeys(entry["connection"] for entry in self.journal() if entry["board"] == board))

    def assert_one_user_at_a_time(self) -> None:
        """Nobody asked a board for anything between two cases of somebody else."""
        for board in {entry["board"] for entry in self.journal()}:
            of_board = [entry for entry in self.journal() if entry["board"] == board]
            entries = sorted(of_board, key=lambda entry: entry["begin"])
            changes = [now["connection"] for last, now in pairwise(entries) if now["connection"] != last["connection"]]
            assert len(changes) == len(set(changes)), f"{board} had two users at once: {changes}"
            assert all(last["end"] <= now["begin"] for last, now in pairwise(entries))

    def processes(self) -> list[psutil.Process]:
        """Everything that the lab consists of."""
        lab = psutil.Process(self.process.pid)
        return [lab, *lab.children(recursive=True)]

    def _state(self) -> dict[str, Any]:
        try:
            state: dict[str, Any] = json.loads((self.directory / "lab.json").read_text())
        except FileNotFoundError:
            return {}
        return state
