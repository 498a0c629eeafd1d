from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.firmware.archive import Archive

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Steps:
    """Remembers the titles of the steps that did work."""

    def __init__(self) -> None:
        self.titles: list[str] = []

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        self.titles.append(title)
        yield


@pytest.fixture
def steps() -> Steps:
    return Steps()


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "debian")
