"""What the suites on a Linux host start from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.linux.device import DeviceFile, DeviceUser

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hil.linux import Host


@pytest.fixture
def device_user(host: Host) -> Iterator[DeviceUser]:
    """A process on the host that uses /dev/vtpm."""
    with DeviceUser(host) as user:
        yield user


@pytest.fixture
def device_file(device_user: DeviceUser) -> DeviceFile:
    """/dev/vtpm, open: a VM without instances."""
    return device_user.open()
