from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.simulators.bench import Bench

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def state_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep notes on boards out of the home of who runs the tests."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A simulated board that is off, with a card full of something else."""
    bench = Bench.build(tmp_path)
    yield bench
    bench.close()
