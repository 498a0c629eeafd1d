from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.environments.commands import Commands

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def tree(tmp_path: Path) -> Commands:
    """A tree with two fake boards, in which commands run in environments that tests make."""
    tree = Commands(tmp_path / "tree")
    tree.path.mkdir()
    tree.fill()
    return tree
