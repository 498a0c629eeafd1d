"""An image and its notes belong together, or are refused."""

from __future__ import annotations

import shutil
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from hil.coverage.image import IMAGE, InstrumentedImage
from hil.errors import UsageError
from hil.firmware.trustedfirmware import NOTES

if TYPE_CHECKING:
    from pathlib import Path

    from hil.coverage.notes import Notes


@pytest.fixture
def build(tmp_path: Path, notes: Notes) -> Path:
    """What a coverage build leaves; an object will do as its image."""
    (tmp_path / NOTES).mkdir()
    shutil.copy(notes.path, tmp_path / NOTES)
    shutil.copy(notes.path.with_suffix(".o"), tmp_path / IMAGE)
    return tmp_path


def test_every_function_has_a_place_of_its_own_for_its_counters(build: Path, notes: Notes) -> None:
    places = InstrumentedImage.read(build).places
    assert [place.counters for place in places] == [function.counters for function in notes.functions]
    taken = sorted((place.address, place.size) for place in places if place.address is not None)
    assert len(taken) == len(places)
    assert all(address + size <= after for (address, size), (after, _) in pairwise(taken))


def test_an_image_is_found_by_what_the_board_starts_from(build: Path) -> None:
    found = [InstrumentedImage.behind([build / name]) for name in ("flash.bin", "linux/flash.bin")]
    assert [one and one.directory for one in found] == [build, build]
    assert InstrumentedImage.behind([build.parent / "other" / "flash.bin"]) is None


def test_notes_that_lack_what_the_image_counts_are_refused(build: Path) -> None:
    next((build / NOTES).iterdir()).unlink()
    with pytest.raises(UsageError, match=r"bl31\.elf is not of the same build as its notes: counted: "):
        InstrumentedImage.read(build)


@pytest.mark.parametrize("content", [None, b"", b"no image at all"])
def test_an_image_that_cannot_be_read_is_refused(build: Path, content: bytes | None) -> None:
    (build / IMAGE).unlink()
    if content is not None:
        (build / IMAGE).write_bytes(content)
    with pytest.raises(UsageError, match=r"cannot read .*bl31\.elf"):
        InstrumentedImage.read(build)
