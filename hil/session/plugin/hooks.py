"""Hooks of this plugin, for those who run its sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from hil.record import BoardOfRun, RunWriter


@pytest.hookspec(firstresult=True)
def pytest_hil_open_run(config: pytest.Config, board: BoardOfRun) -> RunWriter | None:
    """Return what is told about the session on `board`; by default a new run directory."""
