from __future__ import annotations

# What is imported here stays imported, so that the runs within this process share it.
import labgrid.pytestplugin  # noqa: F401
import pytest

import hil.drivers
import hil.report.summary  # noqa: F401
import tests.plugin.fake_board  # noqa: F401
from tests.plugin.bench import Bench


@pytest.fixture
def bench(pytester: pytest.Pytester) -> Bench:
    bench = Bench(pytester)
    bench.board()
    return bench
