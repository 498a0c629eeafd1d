from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.board.flash import FlashMemory
from hil.board.flash.card import Card
from tests.simulators.bench import Bench
from tests.simulators.board import card_image
from tests.simulators.storage import Faults, FaultyDisk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

IMAGE_BYTES = 3 * 1024 * 1024 + 512  # a few chunks, and a piece


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> Faults:
    """The faults of all disks of this test."""
    monkeypatch.setattr("hil.board.flash.card.Disk", FaultyDisk)
    monkeypatch.setattr(FaultyDisk, "faults", Faults())
    monkeypatch.setattr(FaultyDisk, "writes", 0)
    return FaultyDisk.faults


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "card.img"
    path.write_bytes(card_image(b"", IMAGE_BYTES))
    return path


@pytest.fixture
def card_file(tmp_path: Path) -> Path:
    """A card of 8 MiB, full of something else."""
    path = tmp_path / "card"
    path.write_bytes(b"\xff" * (8 << 20))
    return path


@pytest.fixture
def card(card_file: Path) -> Card:
    return Card("a card", lambda: str(card_file))


@pytest.fixture
def memory(tmp_path: Path) -> FlashMemory:
    return FlashMemory("board", root=tmp_path / "notes")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A simulated board that is off, with a card full of something else."""
    bench = Bench.build(tmp_path)
    yield bench
    bench.close()
