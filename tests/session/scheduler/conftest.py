from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.session.scheduler.boards import Boards

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def boards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Boards:
    """A tree with two fake boards, and the current directory in it."""
    boards = Boards(tmp_path)
    boards.fill()
    monkeypatch.chdir(tmp_path)
    return boards
