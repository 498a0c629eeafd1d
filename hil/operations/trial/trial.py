"""Runs one trial: starts a local lab, runs on all its boards, kills parts of it meanwhile, and counts what was lost.

A case is work that a board does by itself for a while, so the ideal time is the sum of that, shared by all boards.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from hil.deadline import Deadline
from hil.errors import InfrastructureError
from hil.lab import simulated
from hil.lab.client import status
from hil.lab.errors import LabUnreachable
from hil.lab.local import part_of, running_lab
from hil.lab.simulated.board import JOURNAL
from hil.lab.tags import BOARD, GOOD
from hil.lab.view import HELD, RESERVED
from hil.paths import HIL
from hil.settings import FILE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from hil.lab.address import LabAddress
    from hil.lab.client import PlaceStatus

CASES = Path(__file__).parent / "cases.py"
SUITE = "suites/test_cases.py"
"""The path of the cases in the trial's own tree."""
SETTINGS = "[tool.hil]\n"
PAUSE_SECONDS = 0.2
START_SECONDS = 300.0
SPARE_SECONDS = 600.0
"""How much longer than the ideal time a run may take before it is given up."""
FREE_SECONDS = 120.0
"""How long it may take after a run until all boards are healthy and free."""
END_SECONDS = 60.0
LAST_LINES = 12


@dataclass(frozen=True, slots=True)
class TrialPlan:
    """The size of a trial: boards behind exporters, and `cases` per board that take `seconds` each.

    `deaths` processes are killed: one exporter, and runners for the rest.
    """

    boards: int
    exporters: int
    cases: int
    seconds: float
    deaths: int
    seed: int = 1


@dataclass(frozen=True, slots=True)
class TrialResult:
    """The result of a trial; times are in seconds.

    `cut` cases lost their runner or their board while they ran. `lost_leases` are boards that somebody held long after
    the run, `sick_boards` those that were free, but not found to be good in that time: a busy machine is slow to check.
    """

    boards: int
    cases: int
    ideal: float
    took: float
    ratio: float
    killed: tuple[str, ...]
    passed: int
    cut: int
    lost_cases: int
    doubled_cases: int
    lost_leases: int
    shared_boards: int
    sick_boards: int
    exit_code: int

    @property
    def correct(self) -> bool:
        """Whether each case was reported once, none ran twice, each lease ended, and no board had two users at once."""
        return not (self.lost_cases or self.doubled_cases or self.lost_leases or self.shared_boards)


@dataclass(frozen=True, slots=True)
class LabAfterwards:
    """What is left of a run in a lab: boards that are still leased, and boards that are free, but not well."""

    lost_leases: int
    sick_boards: int

    @classmethod
    def from_places(cls, places: Sequence[PlaceStatus], *, expected: int, say: Callable[[str], None]) -> LabAfterwards:
        """Count, and say of each board what it is. Of boards that the keeper says nothing about, all may be lost."""
        odd = [place for place in places if (place.state, place.health) != ("free", GOOD)]
        for place in odd:
            say(f"{place.name}: {place.state}")
        lost = sum(place.state == RESERVED or place.state.startswith(HELD) for place in odd)
        return cls(lost + expected - len(places), len(odd) - lost)


class LabTrial:
    """One lab and one run in it, in a tree of its own in `directory`, which has all its files."""

    def __init__(self, directory: Path, plan: TrialPlan, say: Callable[[str], None]) -> None:
        self._directory = directory
        self._plan = plan
        self._say = say
        self._chance = random.Random(plan.seed)

    def run(self) -> TrialResult:
        """Run the trial. Raises `InfrastructureError` if the lab does not start or the run does not end."""
        plan = self._plan
        self._make_tree()
        self._say(f"starting a lab of {plan.boards} simulated boards")
        sizes = ("--boards", str(plan.boards), "--exporters", str(plan.exporters), "--emulators", "0")
        with self._process("up.log", ["lab", "up", "--directory", str(self._directory), *sizes]) as lab:
            self._until(lambda: running_lab(self._directory) is not None, "the lab to be ready", START_SECONDS, lab)
            address = running_lab(self._directory)
            assert address
            cases, ideal = plan.boards * plan.cases, plan.cases * plan.seconds
            self._say(f"running {cases} cases of {plan.seconds:g} s: {ideal:g} s if boards did nothing else")
            variables = {
                "LG_COORDINATOR": str(address),
                "HIL_TRIAL_CASES": str(cases),
                "HIL_TRIAL_MILLISECONDS": str(round(plan.seconds * 1000)),
            }
            begun = time.monotonic()
            with self._process("run.log", ["run", "--pool", f"{BOARD}={simulated.BOARD}"], **variables) as run:
                limit = Deadline.after(ideal + SPARE_SECONDS)
                killed = self._kill_some(run, cases, limit)
                self._until(lambda: run.poll() is not None, "the run to end", limit.remaining, lab)
            took = time.monotonic() - begun
            after = self._await_all_free(address, lab)
            return self._count(cases, ideal, took, killed, after, run.returncode)

    def _make_tree(self) -> None:
        """Make a tree for the run, which may not use the one that the user is in."""
        (self._directory / FILE).write_text(SETTINGS, encoding="utf-8")
        suite = self._directory / SUITE
        suite.parent.mkdir(exist_ok=True)
        shutil.copyfile(CASES, suite)

    def _kill_some(self, run: subprocess.Popen[bytes], cases: int, limit: Deadline) -> tuple[str, ...]:
        """Kill an exporter and runners, spread over the run."""
        victims = ["exporter", *["runner"] * (self._plan.deaths - 1)][: self._plan.deaths]
        self._chance.shuffle(victims)
        killed = []
        for number, victim in enumerate(victims, 1):
            due = cases * number // (len(victims) + 2)
            self._until(lambda: self._ended() >= due, f"{due} cases to end", limit.remaining, run)  # noqa: B023
            if victim == "exporter":
                name = f"{simulated.BOARD}-{self._chance.randint(1, self._plan.exporters)}"
                pid = part_of(self._directory, name)
            else:
                name, pid = "runner", self._chance.choice(runners(run.pid))
            os.kill(pid, signal.SIGKILL)
            killed.append(name)
            self._say(f"killed {name} after {self._ended()} cases")
        return tuple(killed)

    def _ended(self) -> int:
        """Return how many cases have ended so far."""
        journal = self._directory / JOURNAL
        return journal.read_bytes().count(b"\n") if journal.exists() else 0

    def _await_all_free(self, address: LabAddress, lab: subprocess.Popen[bytes]) -> LabAfterwards:
        """Wait until all boards are free and well, and return what is not in time."""
        places: list[PlaceStatus] = []

        def all_free() -> bool:
            with contextlib.suppress(LabUnreachable):
                places[:] = status(address)
            return bool(places) and all((place.state, place.health) == ("free", GOOD) for place in places)

        try:
            self._until(all_free, "all boards to be free", FREE_SECONDS, lab)
        except InfrastructureError as error:
            self._say(error.message.partition("\n")[0])
        return LabAfterwards.from_places(places, expected=self._plan.boards, say=self._say)

    def _count(
        self, cases: int, ideal: float, took: float, killed: tuple[str, ...], after: LabAfterwards, code: int
    ) -> TrialResult:
        record = json.loads((self._directory / "reports" / "latest" / "run.json").read_text(encoding="utf-8"))
        journal = [json.loads(line) for line in (self._directory / JOURNAL).read_text(encoding="utf-8").splitlines()]
        reported = Counter(case["id"] for case in record["cases"] if case["outcome"] in {"passed", "error"})
        ran = Counter(entry["case"] for entry in journal)
        passed = sum(case["outcome"] == "passed" for case in record["cases"])
        return TrialResult(
            boards=self._plan.boards,
            cases=cases,
            ideal=round(ideal, 1),
            took=round(took, 1),
            ratio=round(took / ideal, 3),
            killed=killed,
            passed=passed,
            cut=reported.total() - passed,
            lost_cases=cases - len(reported),
            doubled_cases=sum(number > 1 for number in [*ran.values(), *reported.values()]),
            lost_leases=after.lost_leases,
            shared_boards=_shared(journal),
            sick_boards=after.sick_boards,
            exit_code=code,
        )

    @contextlib.contextmanager
    def _process(self, log: str, arguments: list[str], **variables: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run a command of ours until the end of the block, with its output in a file."""
        with (self._directory / log).open("wb") as output:
            process = subprocess.Popen(
                [*HIL, *arguments],
                cwd=self._directory,
                env={**os.environ, **variables},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        try:
            yield process
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(END_SECONDS)
            process.kill()
            process.wait()

    def _until(self, condition: Callable[[], bool], what: str, seconds: float, needed: subprocess.Popen[bytes]) -> None:
        """Wait for a condition. Raises `InfrastructureError` if the process `needed` ends first, or time is up."""
        deadline = Deadline.after(seconds)
        while not condition():
            if deadline.expired or needed.poll() is not None:
                why = f"not within {deadline}" if deadline.expired else "its process has ended"
                said = "".join(f"\n  {line}" for file in ("up.log", "run.log") for line in self._last_words(file))
                raise InfrastructureError(f"waited for {what}: {why}{said}")
            time.sleep(PAUSE_SECONDS)

    def _last_words(self, file: str) -> list[str]:
        path = self._directory / file
        return path.read_text(errors="replace", encoding="utf-8").splitlines()[-LAST_LINES:] if path.exists() else []


def runners(run: int) -> list[int]:
    """Return the processes of a run that drive a board each, which are forked from a child of the run."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return [worker.pid for child in psutil.Process(run).children() for worker in child.children()]
    return []


def _shared(journal: Sequence[Mapping[str, Any]]) -> int:
    """Return how many boards were used by somebody else between two cases of the same user."""
    users: dict[str, list[int]] = {}
    for entry in sorted(journal, key=lambda entry: entry["begin"]):
        users.setdefault(entry["board"], []).append(entry["connection"])
    turns = [[now for now, _ in groupby(connections)] for connections in users.values()]
    return sum(len(turn) != len(set(turn)) for turn in turns)
