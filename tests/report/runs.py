"""Runs with a past, written as the framework writes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hil.errors import ExitCode
from hil.record import Attempt, BoardOfRun, Case, Fault, FaultKind, Outcome, Provenance, Run, Stage
from hil.record.verdict import worst

if TYPE_CHECKING:
    from pathlib import Path

FILE = "suites/queue/test_ring.py"
STARTED = "2026-11-23T16:00:00.000Z"

BROKEN = Fault(FaultKind.FIRMWARE, "call", "AssertionError", "assert 1 == 2", finding=True)
LOST = Fault(FaultKind.INFRASTRUCTURE, "call", "BoardDied", "the emulator is gone")


def case(name: str, outcome: str, *, board: str = "rpi4", seconds: float = 1.0, fault: Fault | None = None) -> Case:
    """A test that ended as `outcome`, with the attempts that lead to that; `lost` is an error of the lab."""
    word = Outcome("error" if outcome == "lost" else outcome)
    fault = fault or {"failed": BROKEN, "lost": LOST}.get(outcome)
    faults = (fault,) if fault else ()
    last = Attempt(1, Outcome.PASSED if word is Outcome.FLAKY else word, STARTED, seconds, board, faults=faults)
    attempts: tuple[Attempt, ...] = (last,)
    if word is Outcome.FLAKY:
        first = Attempt(1, Outcome.FAILED, STARTED, seconds, board, faults=(BROKEN,))
        attempts = (first, Attempt(2, Outcome.PASSED, STARTED, seconds, board))
    return Case(f"{FILE}::{name}", word, seconds, faults=faults, board=board, attempts=attempts)


def board_of_run(name: str, firmware: str = "a" * 64, commit: str = "c" * 40, qemu: str = "10") -> BoardOfRun:
    """A board and what was on it."""
    return BoardOfRun(name, Provenance(firmware_hash=firmware, git_commit=commit, versions={"qemu": qemu}))


@dataclass
class Lab:
    """Writes runs below `reports`."""

    reports: Path
    firmware: str = "a" * 64
    commit: str = "c" * 40
    qemu: str = "10"
    stages: dict[str, float] = field(default_factory=dict)

    def run(self, *cases: Case, board: str = "rpi4", finished: bool = True) -> Path:
        """Write a run of `cases` on their boards, or on `board`; returns its directory."""
        names = dict.fromkeys([case.board for case in cases] or [board])
        run = Run(self.reports, *(board_of_run(name, self.firmware, self.commit, self.qemu) for name in names))
        for stage, seconds in self.stages.items():
            run.add_stage(Stage(stage, STARTED, seconds, ok=True, board=board))
        for one in cases:
            run.begin(one.id, board=one.board)
            run.add(one)
        if finished:
            run.finish(ExitCode(worst(run.faults)))
        return run.path
