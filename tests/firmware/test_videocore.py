"""A Raspberry Pi's own firmware comes from Debian's package; where there is none, the message says what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

import pytest

from hil.board.flash.bootpartition import VIDEOCORE
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
    assert all(name in caught.value.context.hint for name in ("videocore: DIRECTORY", *VIDEOCORE))
