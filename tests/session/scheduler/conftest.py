from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.checkout import BOARD
from tests.session.scheduler.boards import Boards

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def boards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Boards:
    """A tree with two fake boards, `bare` and `linux`, of which only the second one has Linux."""
    boards = Boards(tmp_path)
    boards.fill()
    (tmp_path / "boards" / "fake-board.yaml").unlink()
    emulated = BOARD.replace("kind: fake", "kind: emulator")
    (tmp_path / "boards" / "bare.yaml").write_text(emulated)
    (tmp_path / "boards" / "linux.yaml").write_text(emulated.replace("{secure", "{linux: Debian, secure"))
    monkeypatch.chdir(tmp_path)
    return boards
