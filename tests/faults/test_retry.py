"""What broke a board is gone when its test runs again: on the real firmware, with an emulator that is a new one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.record import FaultKind, Verdict, load
from tests.faults.tree import BUILD, RUN, planted

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.emulator

SUITE = f"""
import os
import signal
from pathlib import Path

from hil.target.vtpm import Service
from tests.simulators.damage import UNDEFINED, address_of, overwrite

BL31 = Path({str(BUILD / "bl31.elf")!r})
runs = []


def first(name):
    runs.append(name)
    return runs.count(name) == 1


def test_killed(board, monitor):
    if first("killed"):
        os.kill(board.strategy.board.emulator.pid, signal.SIGKILL)
    Service(monitor).limits()


def test_panic(board, monitor):
    if first("panic"):
        overwrite(board.strategy.board, address_of(BL31, "vtpm_dispatch"), UNDEFINED)
    Service(monitor).limits()


def test_boot(cold_board):
    driver = cold_board.strategy.board
    machine = driver.machine
    if first("boot"):
        driver.machine = "nosuch"
    try:
        cold_board.transition("monitor")
    finally:
        driver.machine = machine


def test_good(tpm):
    assert len(tpm.random(8)) == 8
"""


def test_each_attempt_has_a_board_that_starts_anew(tmp_path: Path) -> None:
    tree = planted(tmp_path, SUITE)
    done = tree.hil(*RUN, "--retry", "infra=1,flaky=1")
    assert done.returncode == 0, done.stdout + done.stderr
    record = load(tmp_path / "reports" / "latest")
    assert record.verdict is Verdict.FLAKY
    assert {case.name: [attempt.fault for attempt in case.attempts] for case in record.cases} == {
        "test_killed": [FaultKind.INFRASTRUCTURE, None],
        "test_panic": [FaultKind.FIRMWARE, None],
        "test_boot": [FaultKind.INFRASTRUCTURE, None],
        "test_good": [None],
    }
    assert any(stage.stage == "firmware" and not stage.ok for stage in record.stages)
    assert any(stage.stage == "monitor" and stage.ok for stage in record.stages)
