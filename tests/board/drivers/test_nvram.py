"""What the firmware stores is there after a power cycle only where a test asks for that, and never in another test."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from hil.board.file import labgridenv
from hil.board.snapshot import SnapshotStore
from hil.deadline import Deadline
from tests.board.drivers.conftest import BOOT, write_board
from tests.board.drivers.guest import UARTS, assemble, echo, say, wait_for_byte

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hil.board.strategy import BoardStrategy

SECOND_FLASH = 0x0400_0000
FLASH_BYTES = 64 << 20
"""QEMU's hw/arm/virt.c: each of the two flash devices of `virt` has half of 128 MiB, from address 0 on."""
FIRST, THEN = b"new\n", b"old\n"
SOON = 20.0

SAY_WHAT_IS_STORED = f"""
        ldr x1, ={UARTS["monitor"]}
        ldr x2, ={SECOND_FLASH}
        bl say
"""
STORE = f"""
        ldr x1, ={SECOND_FLASH}
        ldr w2, =0x00400040     // Intel's command set, on two devices of 16 bits side by side: program a word
        str w2, [x1]
        ldr w2, ={int.from_bytes(THEN, "little")}
        str w2, [x1]
        ldr w2, =0x00ff00ff     // and read again
        str w2, [x1]
        dsb sy
"""


@pytest.fixture
def board(tmp_path: Path) -> Iterator[BoardStrategy]:
    """A board that says what is stored, then stores something else; after a byte, it says it once more."""
    nvram = tmp_path / "nvram"
    nvram.write_bytes(FIRST)
    with nvram.open("r+b") as file:
        file.truncate(FLASH_BYTES)
    actions = (
        SAY_WHAT_IS_STORED,
        STORE,
        *BOOT,
        wait_for_byte("monitor"),
        say("monitor", "!"),
        wait_for_byte("monitor"),
        say("monitor", "!"),  # connected to: after the boot, and after the fork
        wait_for_byte("monitor"),
        SAY_WHAT_IS_STORED,
        echo("monitor"),
    )
    path = write_board(tmp_path, assemble(tmp_path, *actions), nvram="nvram")
    content = json.loads(path.read_text())
    content["images"]["nvram"] = str(nvram)
    path.write_text(json.dumps(content))
    environment = labgridenv.load(path)
    strategy: BoardStrategy = labgridenv.target(environment).get_strategy()
    strategy.snapshots = SnapshotStore(tmp_path / "snapshots")
    yield strategy
    environment.cleanup()


@pytest.mark.emulator
def test_a_power_cycle_brings_back_the_image_unless_it_is_kept(board: BoardStrategy) -> None:
    assert said_first(board) == "new"
    board.transition("off")
    with board.board.keeping_nvram():
        assert said_first(board) == "new"
        board.transition("off")
        assert said_first(board) == "old"
        board.transition("off")
    assert said_first(board) == "new"


@pytest.mark.emulator
def test_a_fork_has_what_was_stored_before_its_snapshot(board: BoardStrategy) -> None:
    for _ in range(2):
        board.fork()
        stream = board.shell.console.stream
        stream.send(b".")
        deadline, heard = Deadline.after(SOON), b""
        while b"\n" not in heard:
            heard += stream.receive(deadline)
        assert heard.strip() == THEN.strip()


def said_first(board: BoardStrategy) -> str:
    """Boot the board, and return the first line on its console."""
    lines = board.transcripts["monitor"].since(0) if board.transcripts else ()
    board.transition("monitor")
    said = [line.text for line in board.transcripts["monitor"].since(len(lines)) if line.text in {"new", "old"}]
    return said[0]
