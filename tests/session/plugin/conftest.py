from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

# What is imported here stays imported, so that the runs within this process share it.
import labgrid.pytestplugin  # noqa: F401
import pytest
from labgrid.logging import StepLogger

import hil.board.drivers
import hil.report.summary  # noqa: F401
import tests.session.plugin.fake_board  # noqa: F401
from tests.session.plugin.bench import Bench

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def bench(pytester: pytest.Pytester) -> Iterator[Bench]:
    bench = Bench(pytester)
    bench.board()
    with _labgrid_to_itself():
        yield bench


@contextlib.contextmanager
def _labgrid_to_itself() -> Iterator[None]:
    """Let the run inside have labgrid's one logger of steps, if the run around it has labgrid's plugin, too."""
    ours = StepLogger._started
    if ours:
        StepLogger.stop()
    try:
        yield
    finally:
        if ours:
            StepLogger.start()
