"""A flash that is cut short by whatever ends a process leaves a board that is known to be dirty."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from hil.board.file.boardfile import BoardFile
from hil.board.flash import FlashMemory
from hil.paths import HIL
from tests.cli.checkout import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.simulators.bench import Bench

SECONDS = 120
SAYS_SO = "HIL_TEST_FIFO"
"""What tells `endlessdisk`, which only the command may import, where to say that it has begun."""
SWITCHED = {"ExternalPowerDriver": {"cmd_on": "true", "cmd_off": "true", "cmd_cycle": "true"}}


@pytest.fixture
def file(bench: Bench) -> Path:
    """A board whose card takes for ever to write, in a tree of its own."""
    tree = bench.directory / "tree"
    (tree / "boards").mkdir(parents=True)
    (tree / "pyproject.toml").touch()
    file = bench.board_file(tree / "boards" / "bench.yaml")
    content = json.loads(file.read_text())
    content["imports"].append("tests.board.flash.endlessdisk")
    drivers = content["targets"]["main"]["drivers"]
    drivers[:] = [SWITCHED, *(driver for driver in drivers if "SimulatedPower" not in driver)]
    file.write_text(json.dumps(content))
    return file


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_flash_that_is_ended_by_a_signal_leaves_a_dirty_board_and_says_so(
    bench: Bench, file: Path, number: signal.Signals
) -> None:
    fifo = bench.directory / "fifo"
    os.mkfifo(fifo)
    with subprocess.Popen(
        [*HIL, "flash", "--board", "bench"],
        cwd=file.parents[1],
        env={**os.environ, "PYTHONPATH": str(ROOT), SAYS_SO: str(fifo), "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as flash:
        assert fifo.read_bytes() == b"written"
        flash.send_signal(number)
        said, _ = flash.communicate(timeout=SECONDS)
    state = FlashMemory.of_board(BoardFile.read(file)).read()
    assert state is not None
    assert not state.clean
    assert flash.returncode == 2, said
    assert said.splitlines()[-2:] == [
        "error: bench: the flash was interrupted, so the board is dirty, and no command boots it",
        "  try: hil flash --board bench",
    ]
    assert "Traceback" not in said
