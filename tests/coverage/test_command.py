"""`hil run --coverage` is for firmware of its own, on boards whose memory can be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.errors import ExitCode
from tests.cli.checkout import BOARD, Checkout

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--board", "fake-board"), "reads the memory of an emulator, and fake-board is not emulated"),
        (("--pool", "board=rpi4"), "on an emulated board"),
        (("--board", "fake-board", "--firmware", "."), "needs firmware of its own"),
    ],
)
def test_what_cannot_be_counted_is_the_users_mistake(tmp_path: Path, arguments: tuple[str, ...], why: str) -> None:
    checkout = Checkout(tmp_path)
    checkout.fill()
    (checkout.path / "boards" / "fake-board.yaml").write_text(BOARD.replace("kind: emulator", "kind: board"))
    done = checkout.hil("run", "--coverage", *arguments)
    assert done.returncode == ExitCode.USAGE
    assert why in done.stderr
