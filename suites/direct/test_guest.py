"""An unmodified Linux in a VM of the monitor: it finds its vTPM, and its SMCs go to EL3 without a trap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from hil.linux import DirectGuest

pytestmark = pytest.mark.needs_guest_images


def test_stock_kernel_finds_its_tpm(direct_guest: DirectGuest) -> None:
    assert direct_guest.run("cat /sys/class/tpm/tpm0/tpm_version_major").text == "2"
    assert direct_guest.run("readlink /sys/class/tpm/tpm0/device/driver").text.endswith("/tpm_crb")
    assert direct_guest.run("ls /dev/tpm0 /dev/tpmrm0").lines == ["/dev/tpm0", "/dev/tpmrm0"]


def test_random_numbers_come_and_differ(direct_guest: DirectGuest) -> None:
    first, second = (direct_guest.run("tpm2_getrandom 32").stdout for _ in range(2))
    assert len(first) == len(second) == 32
    assert first != second
