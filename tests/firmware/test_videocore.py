"""A Raspberry Pi's own firmware comes from Debian's package or a directory; the message says what to do without."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, NoReturn

import pytest

from hil.errors import UsageError
from hil.firmware import videocore
from hil.firmware.errors import ArchiveError, PinGone
from hil.firmware.sources import SourceCache
from hil.progress import Progress, Silent

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hil.firmware.lock import Pin


def test_the_package_is_pinned_in_the_component_that_has_it() -> None:
    assert videocore.pin().component == "non-free-firmware"


@pytest.mark.parametrize("error", [PinGone, ArchiveError])
def test_an_archive_without_the_package_names_the_way_around(tmp_path: Path, error: type[Exception]) -> None:
    class Cache(SourceCache):
        def unpacked(self, pins: Sequence[Pin], progress: Progress) -> NoReturn:  # noqa: ARG002
            raise error(f"the archive has no {pins[0].package}")

    with pytest.raises(UsageError, match="the archive has no raspi-firmware") as caught:
        videocore.videocore_firmware(Silent(), Cache(tmp_path))
    assert all(name in caught.value.context.hint for name in ("videocore: DIRECTORY", *videocore.FILES))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A directory with firmware that says when it was built, as the real one does."""
    for name in videocore.FILES:
        (tmp_path / name).write_bytes(b"\x7fELF\0VC_BUILD_ID_TIME: 17:27:09\0VC_BUILD_ID_TIME: Apr  7 2024\0")
    return tmp_path


def test_firmware_says_when_it_was_built(directory: Path) -> None:
    assert videocore.check_videocore(directory) == date(2024, 4, 7)


@pytest.mark.parametrize("name", videocore.FILES)
@pytest.mark.parametrize(
    ("content", "why"), [(None, "there is no {name} in"), (b"", "{name} is empty")], ids=["missing", "empty"]
)
def test_a_directory_without_a_usable_file_is_refused(
    directory: Path, name: str, content: bytes | None, why: str
) -> None:
    (directory / name).unlink()
    if content is not None:
        (directory / name).write_bytes(content)
    with pytest.raises(UsageError, match=why.format(name=name)) as caught:
        videocore.check_videocore(directory)
    assert "Debian's" in caught.value.context.hint


def test_a_directory_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"there is no directory {tmp_path / 'nowhere'}"):
        videocore.check_videocore(tmp_path / "nowhere")


def test_a_web_page_in_the_place_of_the_firmware_is_refused(directory: Path) -> None:
    (directory / "start4.elf").write_bytes(b"<!DOCTYPE html><html>")
    with pytest.raises(
        UsageError, match=r"start4\.elf is no firmware of a VideoCore: it begins with b'<!DOCTYPE html>"
    ):
        videocore.check_videocore(directory)


@pytest.mark.parametrize(("day", "refused"), [("Sep 24 2019", True), ("Aug 11 2020", True), ("Oct 15 2020", False)])
def test_firmware_that_cannot_start_bl31_is_refused(directory: Path, day: str, refused: bool) -> None:
    (directory / "start4.elf").write_bytes(f"\x7fELF\0VC_BUILD_ID_TIME: {day}\0".encode())
    if refused:
        with pytest.raises(UsageError, match="does not start an armstub such as BL31"):
            videocore.check_videocore(directory)
    else:
        assert videocore.check_videocore(directory) == date(2020, 10, 15)
