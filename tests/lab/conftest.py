from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lab.laboratory import Laboratory

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def running_laboratory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    with Laboratory.up(tmp_path_factory.mktemp("lab"), boards=4, exporters=2) as laboratory:
        yield laboratory


@pytest.fixture
def laboratory(running_laboratory: Laboratory) -> Iterator[Laboratory]:
    """A lab of four simulated boards with real coordinator, exporters and keeper; all its boards are free and well."""
    running_laboratory.await_all_free()
    yield running_laboratory
    running_laboratory.end_runners()
