from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hil.firmware.errors import ArchiveError, CorruptDownload, PinGone
from hil.firmware.lock import Lock
from hil.firmware.pins import propose, updated
from hil.firmware.sources import SourceCache

if TYPE_CHECKING:
    from pathlib import Path

    from hil.firmware.lock import Pin
    from tests.firmware.archive import Archive
    from tests.firmware.conftest import Steps


@pytest.fixture
def cache(tmp_path: Path, archive: Archive) -> SourceCache:
    return SourceCache(tmp_path / "cache", archive.apt)


def entries(directory: Path) -> list[Path]:
    return list(directory.iterdir()) if directory.is_dir() else []


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_binary_and_a_source_package_are_fetched_and_unpacked(
    archive: Archive, cache: SourceCache, steps: Steps
) -> None:
    pins = [archive.add_binary("libfoo-dev", "1.0-1", "one"), archive.add_source("foo", "2.0", "two")]
    archive.publish()
    unpacked = cache.unpacked(pins, steps)
    assert (unpacked["libfoo-dev"] / "usr/content").read_text() == "one"
    assert (unpacked["foo"] / "content").read_text() == "two"


def test_a_version_with_an_epoch_is_fetched(archive: Archive, cache: SourceCache, steps: Steps) -> None:
    pin = archive.add_binary("libfoo-dev", "2:1.0-1", "one")
    archive.publish()
    assert pin.files[0].name == "libfoo-dev_1.0-1_arm64.deb"
    assert (cache.unpacked([pin], steps)["libfoo-dev"] / "usr/content").read_text() == "one"


def test_what_was_fetched_once_needs_no_archive_and_no_step(archive: Archive, cache: SourceCache, steps: Steps) -> None:
    pins = [archive.add_binary("libfoo-dev", "1.0-1", "one")]
    archive.publish()
    cache.unpacked(pins, steps)
    shutil.rmtree(archive.root)
    steps.titles.clear()
    assert (cache.unpacked(pins, steps)["libfoo-dev"] / "usr/content").read_text() == "one"
    assert steps.titles == []


def test_a_download_that_is_not_the_pinned_file_is_refused_by_package_and_version(
    archive: Archive, cache: SourceCache, steps: Steps
) -> None:
    pin = archive.add_binary("libfoo-dev", "1.0-1", "one")
    archive.publish()
    other = replace(pin, files=(replace(pin.files[0], sha256="0" * 64),))
    with pytest.raises(CorruptDownload, match=r"libfoo-dev 1\.0-1: libfoo-dev_1\.0-1_arm64\.deb is not the pinned"):
        cache.unpacked([other], steps)
    assert not entries(cache.root / "downloads")
    assert not entries(cache.root / "unpacked")


def test_a_download_that_was_damaged_on_the_way_is_refused_and_leaves_nothing(
    archive: Archive, cache: SourceCache, steps: Steps
) -> None:
    pin = archive.add_binary("libfoo-dev", "1.0-1", "one")
    archive.publish()
    damage(archive.pool / pin.files[0].name)
    with pytest.raises(ArchiveError) as refused:
        cache.unpacked([pin], steps)
    assert "libfoo-dev 1.0-1" in str(refused.value)
    assert not entries(cache.root / "downloads")
    assert not entries(cache.root / "unpacked")


def test_a_damaged_file_in_the_cache_is_fetched_again(archive: Archive, cache: SourceCache, steps: Steps) -> None:
    pin = archive.add_binary("libfoo-dev", "1.0-1", "one")
    archive.publish()
    shutil.rmtree(cache.unpacked([pin], steps)["libfoo-dev"])
    damage(cache.root / "downloads" / pin.key / pin.files[0].name)
    assert (cache.unpacked([pin], steps)["libfoo-dev"] / "usr/content").read_text() == "one"


def test_a_pin_that_is_no_longer_served_is_named_with_what_is_served_instead(
    archive: Archive, cache: SourceCache, steps: Steps
) -> None:
    old = archive.add_binary("libfoo-dev", "1.0-1", "one")
    archive.withdraw_all()
    archive.add_binary("libfoo-dev", "1.0-2", "newer")
    archive.publish()
    with pytest.raises(PinGone) as gone:
        cache.unpacked([old], steps)
    assert "no longer serves libfoo-dev 1.0-1" in gone.value.message
    assert "it serves 1.0-2 (bookworm)" in gone.value.message
    assert gone.value.context.hint == "hil firmware update"


def test_an_archive_that_cannot_be_reached_is_the_labs_fault(
    archive: Archive, cache: SourceCache, steps: Steps
) -> None:
    pin = archive.add_binary("libfoo-dev", "1.0-1", "one")
    with pytest.raises(ArchiveError) as unreachable:
        cache.unpacked([pin], steps)
    assert unreachable.value.fault == "infrastructure"
    assert any(line.startswith("E:") for line in unreachable.value.context.console)


def test_leftovers_of_a_killed_download_are_swept(archive: Archive, cache: SourceCache, steps: Steps) -> None:
    pin = archive.add_binary("libfoo-dev", "1.0-1", "one")
    archive.publish()
    leftover = cache.root / "partial" / "half" / pin.files[0].name
    leftover.parent.mkdir(parents=True)
    leftover.write_bytes(b"half a file")
    cache.unpacked([pin], steps)
    assert not leftover.exists()


def test_another_content_under_the_same_version_gets_a_place_of_its_own(archive: Archive) -> None:
    pin = archive.add_binary("libfoo-dev", "1.0-1", "one")
    assert pin.key != replace(pin, files=(replace(pin.files[0], sha256="0" * 64),)).key


def test_update_proposes_what_the_suite_serves_now(archive: Archive, tmp_path: Path, steps: Steps) -> None:
    def with_lock(pins: list[Pin]) -> Lock:
        return Lock(tuple(pins))

    old = with_lock([archive.add_binary("libfoo-dev", "1.0-1", "one"), archive.add_source("foo", "2.0", "two")])
    archive.withdraw_all()
    new = with_lock([archive.add_binary("libfoo-dev", "1.0-2", "three"), archive.add_source("foo", "2.1", "four")])
    archive.publish()
    assert updated(old, propose(old, steps, tmp_path / "cache", archive.apt)) == new
    unchanged = propose(new, steps, tmp_path / "cache", archive.apt)
    assert not any(proposal.changes for proposal in unchanged)
