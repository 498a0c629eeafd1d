"""Files of guests: copied in and out, and all of an initramfs or an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.board.ssh import RemoteFileError
from hil.linux import Guest, GuestIncomplete

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hil.linux import Host

pytestmark = pytest.mark.needs_linux

CUT = "/tmp/cut"
"""An initramfs that ends in the middle of its libraries, behind what runs commands."""


def test_a_file_comes_back_as_it_went_in(guest: Guest, tmp_path: Path) -> None:
    sent = tmp_path / "it's 1"
    sent.write_bytes(bytes(range(256)) * 5000)
    sent.chmod(0o750)
    guest.put(sent, "/tmp")
    assert guest.run(["stat", "-c", "%a %s", f"/tmp/{sent.name}"]).text == "750 1280000"
    assert guest.get(f"/tmp/{sent.name}", tmp_path / "back").read_bytes() == sent.read_bytes()


def test_a_file_that_is_not_there_is_an_error_of_its_own(guest: Guest, tmp_path: Path) -> None:
    with pytest.raises(RemoteFileError, match="none"):
        guest.get("/tmp/none", tmp_path)


def test_a_guest_whose_initramfs_was_cut_short_is_not_ready(host: Host, make_guest: Callable[..., Guest]) -> None:
    size = int(host.run("wc -c </guest/initrd").text)
    host.run(f"head -c {size // 4 * 3} /guest/initrd >{CUT}")
    with pytest.raises(GuestIncomplete, match="cut short: its last file is missing"):
        make_guest(initrd=CUT)
