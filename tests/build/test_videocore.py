"""A Raspberry Pi's own firmware comes from Debian's package; where there is none, the message says what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hil.build import videocore
from hil.build.errors import PinGone
from hil.build.lock import Lock, read_lock
from hil.build.progress import Silent
from hil.build.sources import SourceCache
from hil.errors import UsageError
from hil.flash.bootpartition import VIDEOCORE
from hil.headers import firmware_header

if TYPE_CHECKING:
    from pathlib import Path

    from tests.build.archive import Archive


def test_the_package_is_pinned_in_the_component_that_has_it() -> None:
    pin = read_lock(firmware_header(videocore.LOCK))[videocore.PACKAGE]
    assert pin.component == "non-free-firmware"


def test_an_archive_without_the_package_names_the_way_around(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pin = archive.add_binary(videocore.PACKAGE, "1.0-1", "one")
    gone = archive.add_binary("other", "1.0-1", "one")
    monkeypatch.setattr(videocore, "read_lock", lambda _path: Lock((pin,)))
    cache = SourceCache(tmp_path / "cache", archive.apt)

    def refuse(*_arguments: Any) -> None:
        raise PinGone(f"the archive no longer serves {gone}")

    monkeypatch.setattr(cache, "unpacked", refuse)
    with pytest.raises(UsageError, match="the archive no longer serves") as caught:
        videocore.videocore_firmware(Silent(), cache)
    assert all(name in caught.value.context.hint for name in ("videocore: DIRECTORY", *VIDEOCORE))
