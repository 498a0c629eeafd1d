"""A script has a board of a lab by `hil.connect`, also where an event loop runs already, as in a notebook."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from hil.lab.simulated import BOARD_FILE
from tests.lab.laboratory import ROOT, TIMEOUT_SECONDS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.laboratory import Laboratory

PLACE = "simulated-4"
CELL = f"""
import hil, hil.deadline

board = hil.connect({str(BOARD_FILE)!r}, build=False, record=False)
print(board.monitor._link.ask("case 1-1 1", hil.deadline.Deadline.after(30)))
board.restart()
print(board.monitor._link.ask("case 1-2 1", hil.deadline.Deadline.after(30)))
board.close()
"""
SCRIPTS = {
    "in a script": CELL,
    "in a notebook": f"""
import asyncio
async def cell():
    exec({CELL!r}, {{}})
asyncio.run(cell())
""",
}


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=list(SCRIPTS))
def test_a_board_of_a_lab_is_used_wherever_the_script_runs(laboratory: Laboratory, tmp_path: Path, script: str) -> None:
    laboratory.client("-p", PLACE, "acquire")
    try:
        done = subprocess.run(
            [sys.executable, "-c", script],
            cwd=tmp_path,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "LG_COORDINATOR": str(laboratory.address),
                "LG_PLACE": PLACE,
            },
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        assert PLACE not in laboratory.switched_on()
    finally:
        laboratory.client("-p", PLACE, "release")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 2
