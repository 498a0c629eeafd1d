"""The hooks of this plugin, for other plugins that change where its results go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from hil.record import BoardOfRun, RunWriter


@pytest.hookspec(firstresult=True)
def pytest_hil_open_run(config: pytest.Config, board: BoardOfRun) -> RunWriter | None:
    """Return the writer that receives the results of the session on `board`; by default that of a new run directory."""


@pytest.hookspec(firstresult=True)
def pytest_hil_trace(config: pytest.Config, line: str) -> bool | None:
    """Show one line of what is done on the board, live, and return True; by default in pytest's terminal."""
