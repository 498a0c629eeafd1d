from __future__ import annotations

import labgrid.pytestplugin  # noqa: F401  (stays imported, so that the runs within this process share it)
import pytest

import tests.plugin.fake_board  # noqa: F401
from tests.plugin.bench import Bench


@pytest.fixture
def bench(pytester: pytest.Pytester) -> Bench:
    bench = Bench(pytester)
    bench.board()
    return bench
