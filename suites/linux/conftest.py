"""What the suites on a Linux host start from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from hil.linux.device import DeviceFile, DeviceUser

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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


@dataclass(frozen=True, slots=True)
class Listed:
    """An instance of a VM that lives, as the host's module lists it (firmware/linux/module/listing.h)."""

    vm: int
    queue_pa: int
    queue_bytes: int
    requirements: int
    commands: int


@pytest.fixture
def listed(host: Host) -> Callable[[], list[Listed]]:
    """Return what instances VMs of the host have now, in the order of their queues' addresses."""
    host.run("mount -t debugfs debugfs /sys/kernel/debug")

    def listed() -> list[Listed]:
        lines = host.run("cat /sys/kernel/debug/vtpm/instances").lines
        fields = [line.split() for line in lines]
        found = [Listed(*(int(field, 16) for field in row[:3]), *map(int, row[3:])) for row in fields]
        return sorted(found, key=lambda instance: instance.queue_pa)

    return listed
