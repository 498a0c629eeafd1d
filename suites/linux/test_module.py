"""/dev/vtpm: instances for VMMs on a Linux host, by open file, through the service at EL3."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from hil.linux.device import DeviceError, DeviceFile, DeviceQueue, DeviceUser, MemoryFault
from hil.target.tpm import Tpm, commands, storage_template
from hil.target.vtpm import abi

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.linux import Host

pytestmark = pytest.mark.needs_linux

EXTEND = commands.pcr_extend(7, b"\xa5" * 32)
IPA = 0x9000_0000
NAME = b"known to one VMM"
RING = 0x5602
"""VTPM_IOC_RING of vtpm_ioctl.h: _IO('V', 2)."""
ADDRESS_FIELDS = ("CMD_LADDR", "CMD_HADDR", "RSP_ADDR")


def refused(errno: str, request: Callable[..., object], *arguments: object, **options: object) -> None:
    """Require that the host's kernel refuses a request with this errno."""
    with pytest.raises(DeviceError) as refusal:
        request(*arguments, **options)
    assert refusal.value.errno == errno


def started(queue: DeviceQueue) -> DeviceQueue:
    """Start a TPM and leave a trace in PCR 7."""
    assert commands.submit(queue, commands.startup()).code == commands.SUCCESS
    assert commands.submit(queue, EXTEND).code == commands.SUCCESS
    return queue


def pcr(queue: DeviceQueue) -> bytes:
    return commands.pcr_value(queue.transmit(commands.pcr_read(7)))


def filled(file: DeviceFile) -> list[DeviceQueue]:
    """Create instances with the largest queue there is until there is no space, for as many VMs as that takes."""
    queues: list[DeviceQueue] = []
    with suppress(DeviceError):
        while True:
            queues.append(file.create(len(queues) % (abi.VTPM_MAX_INDEX + 1), slots=abi.VTPM_MAX_SLOTS))
            if len(queues) % (abi.VTPM_MAX_INDEX + 1) == 0:
                file = file.user.open()
    return queues


@pytest.mark.element("E6")
def test_only_root_may_open_the_device(host: Host) -> None:
    assert host.run(["stat", "-c", "%a %u", "/dev/vtpm"]).text == "600 0"


@pytest.mark.element("E8")
def test_a_vmm_talks_to_an_instance_through_the_queue_it_has_mapped(device_file: DeviceFile) -> None:
    with Tpm(device_file.create(slots=2)) as tpm:
        tpm.startup()
        assert tpm.random(32) != tpm.random(32)


@pytest.mark.element("E2")
def test_instances_of_one_vm_are_independent(device_file: DeviceFile) -> None:
    first, second = started(device_file.create(0)), device_file.create(1, slots=15)
    commands.submit(second, commands.startup())
    assert pcr(first) != bytes(32)
    assert pcr(second) == bytes(32)


@pytest.mark.element("E7")
def test_a_queue_is_placed_where_the_vm_will_find_it(device_file: DeviceFile) -> None:
    queue = device_file.create()
    assert [queue.control_page().crb[name] for name in ADDRESS_FIELDS] == [0, 0, 0]
    queue.call("place", IPA | 1 << 40)
    buffer = IPA + abi.VTPM_PAGE_BYTES
    assert [queue.control_page().crb[name] for name in ADDRESS_FIELDS] == [buffer, 1 << 8, buffer]
    refused("EADDRNOTAVAIL", queue.call, "place", IPA + 1)
    refused("EADDRNOTAVAIL", queue.call, "place", (1 << 48) - abi.VTPM_PAGE_BYTES)


def test_reset_makes_a_new_tpm_with_an_empty_queue(device_file: DeviceFile) -> None:
    queue = started(device_file.create())
    queue.call("reset")
    assert (queue.control_page().head, queue.control_page().tail) == (0, 0)
    commands.submit(queue, commands.startup())
    assert pcr(queue) == bytes(32)


def test_what_the_service_refuses_has_an_errno(device_file: DeviceFile) -> None:
    device_file.create(3)
    refused("EEXIST", device_file.create, 3)
    refused("EINVAL", device_file.create, 4, slots=0)
    refused("EINVAL", device_file.create, 4, slots=abi.VTPM_MAX_SLOTS + 1)
    refused("EINVAL", device_file.create, 4, requirements=abi.VTPM_PROFILE_COUNT)
    refused("EINVAL", device_file.create, 4, requirements=1 << 63)
    queue = device_file.create(4)
    queue.write(abi.VTPM_RING_HEAD, b"\x02\0\0\0")
    refused("EPROTO", queue.call, "ring")


def primary_key(queue: DeviceQueue) -> bytes:
    """Return the public part of the storage key that every TPM makes anew from a seed that is its own."""
    response = commands.submit(queue, commands.create_primary(storage_template("ecc").marshal()))
    assert response.code == commands.SUCCESS
    size = int.from_bytes(response.body[8:10])  # behind handle and size of the parameters
    return response.body[10 : 10 + size]


def named(user: DeviceUser, name: bytes = NAME) -> DeviceFile:
    """Open /dev/vtpm for the VM of a name."""
    file = user.open()
    file.name(name)
    return file


def left_behind(user: DeviceUser) -> bytes:
    """Let a VM with a name end that has a persistent instance, started, and return its key."""
    queue = started(named(user).create(requirements=abi.VTPM_REQUIRE_PERSISTENT))
    key = primary_key(queue)
    queue.unmap()
    queue.file.close()
    return key


def test_a_persistent_instance_waits_switched_off_for_the_vm_of_its_name(device_user: DeviceUser) -> None:
    key = left_behind(device_user)
    queue = named(device_user).take()
    commands.submit(queue, commands.startup())
    assert pcr(queue) == bytes(32)
    assert primary_key(queue) == key


def test_a_persistent_instance_outlives_the_death_of_its_owner(host: Host, device_user: DeviceUser) -> None:
    with DeviceUser(host) as mortal:
        key = primary_key(started(named(mortal).create(requirements=abi.VTPM_REQUIRE_PERSISTENT)))
        mortal.kill()
    queue = named(device_user).take()
    commands.submit(queue, commands.startup())
    assert primary_key(queue) == key


def test_a_persistent_instance_is_reached_by_its_name_alone(device_user: DeviceUser) -> None:
    left_behind(device_user)
    refused("ENOENT", device_user.open().take)
    refused("ENOENT", named(device_user, b"another name ...").take)
    owner = named(device_user)
    refused("EBUSY", device_user.open().name, NAME)
    refused("EEXIST", owner.create, requirements=abi.VTPM_REQUIRE_PERSISTENT)
    owner.take()
    refused("ENOENT", owner.take)
    refused("ENOENT", owner.take, 1)
    refused("EBUSY", device_user.open().name, NAME)


def test_a_vm_has_its_name_before_all_else(device_user: DeviceUser) -> None:
    begun = device_user.open()
    begun.create()
    refused("EBUSY", begun.name, NAME)
    refused("EINVAL", device_user.open().name, bytes(16))
    refused("EBUSY", named(device_user).name, b"a second name ..")
    refused("EOPNOTSUPP", begun.create, 1, requirements=abi.VTPM_REQUIRE_PERSISTENT)


def test_an_ephemeral_instance_of_a_vm_with_a_name_ends_with_it(device_user: DeviceUser) -> None:
    queue = named(device_user).create()
    queue.unmap()
    queue.file.close()
    refused("ENOENT", named(device_user).take)


def test_what_is_left_behind_ends_with_the_module(host: Host) -> None:
    with DeviceUser(host) as user:
        left_behind(user)
    host.run("rmmod vtpm; insmod /lib/modules/vtpm.ko")
    with DeviceUser(host) as user:
        refused("ENOENT", named(user).take)
    assert "vtpm:" not in host.run("dmesg | grep -v 'loading out-of-tree\\|taint'").text


def test_what_is_no_instance_and_no_request_is_refused(device_file: DeviceFile) -> None:
    user, file = device_file.user, device_file.descriptor
    for verb in ("ring", "reset", "destroy", "place"):
        refused("ENOENT", device_file.call, verb, 0)
        refused("EINVAL", device_file.call, verb, abi.VTPM_MAX_INDEX + 1)
        refused("EINVAL", device_file.call, verb, (1 << 32) - 1)
    refused("EINVAL", device_file.create, abi.VTPM_MAX_INDEX + 1)
    device_file.create()
    refused("EINVAL", device_file.call, "place", 0, IPA, 1)
    refused("EINVAL", user.number, "ioctl", file, RING, 1 << 63)
    refused("ENOTTY", user.number, "ioctl", file, RING + 0x10, 0)
    refused("EFAULT", user.number, "ioctl", file, 0xC018_5600, 0)
    refused("EFAULT", user.number, "ioctl", file, 0x4010_5601, 0xFFFF_0000_0000_0000)


@pytest.mark.element("E4")
def test_only_the_queue_itself_can_be_mapped(device_file: DeviceFile) -> None:
    queue = device_file.create(1)
    page = abi.VTPM_PAGE_BYTES
    refused("ENOENT", device_file.map, 0, page)
    refused("EINVAL", device_file.map, 1, queue.size + page)
    refused("EINVAL", device_file.map, 1, page, offset=queue.size)
    refused("EINVAL", device_file.map, 1, 2 * page, offset=page)
    refused("EINVAL", device_file.map, abi.VTPM_MAX_INDEX + 1, page)
    refused("EACCES", device_file.map, 1, page, how="map-private")
    refused("EACCES", device_file.map, 1, page, how="map-executable")
    buffer = DeviceQueue(device_file, 1, 1, page, device_file.map(1, page, offset=page))
    queue.write(page, b"the same page")
    assert buffer.read(0, 13) == b"the same page"


@pytest.mark.element("E4")
def test_a_file_does_not_reach_the_instances_of_another(device_file: DeviceFile) -> None:
    mine, stranger = started(device_file.create()), device_file.user.open()
    for verb in ("ring", "reset", "destroy", "place"):
        refused("ENOENT", stranger.call, verb, 0)
    refused("ENOENT", stranger.map, 0, abi.VTPM_PAGE_BYTES)
    theirs = started(stranger.create())
    before = pcr(mine)
    theirs.call("reset")
    theirs.call("destroy")
    stranger.close()
    assert pcr(mine) == before


@pytest.mark.element("E7")
def test_a_vm_finds_its_queue_in_its_physical_memory(device_file: DeviceFile) -> None:
    queue, user = device_file.create(), device_file.user
    user.ask("vm", queue.va, queue.size)
    assert user.number("vm-read", abi.VTPM_RING_MAGIC) == abi.VTPM_RING_MAGIC_VALUE
    assert user.number("vm-write", abi.VTPM_PAGE_BYTES, 0x1234_5678) == 0x1234_5678
    assert queue.read(abi.VTPM_PAGE_BYTES, 4) == b"\x78\x56\x34\x12"


@pytest.mark.threat(17)
def test_a_destroyed_queue_is_gone_from_the_vm_that_had_it(device_file: DeviceFile) -> None:
    queue, user = device_file.create(), device_file.user
    user.ask("vm", queue.va, queue.size)
    assert user.number("vm-read", abi.VTPM_RING_MAGIC) == abi.VTPM_RING_MAGIC_VALUE
    queue.call("destroy")
    heir = user.open().create()
    refused("EFAULT", user.number, "vm-read", abi.VTPM_RING_MAGIC)
    refused("EFAULT", user.number, "vm-write", abi.VTPM_PAGE_BYTES, 0x1234_5678)
    assert heir.read(abi.VTPM_PAGE_BYTES, 4) == bytes(4)


@pytest.mark.threat(17)
def test_a_destroyed_queue_is_gone_from_where_it_was_mapped(device_file: DeviceFile) -> None:
    """Its pages may be another VM's by now."""
    queue = device_file.create()
    queue.write(abi.VTPM_PAGE_BYTES, b"written before")
    queue.call("destroy")
    heir = device_file.user.open().create()
    for touch in (lambda: queue.read(abi.VTPM_PAGE_BYTES, 4), lambda: queue.write(abi.VTPM_PAGE_BYTES, b"late")):
        with pytest.raises(MemoryFault) as fault:
            touch()
        assert fault.value.signal == "BUS"
    refused("ENOENT", queue.call, "ring")
    assert heir.read(abi.VTPM_PAGE_BYTES, 14) == bytes(14)


def test_full_is_said_by_name_and_the_last_use_of_a_file_makes_room(host: Host, device_file: DeviceFile) -> None:
    queues = filled(device_file)
    assert len(queues) == len({queue.file for queue in queues}) * (abi.VTPM_MAX_INDEX + 1)
    other = device_file.user.open()
    refused("ENOSPC", other.create, slots=abi.VTPM_MAX_SLOTS)
    device_file.close()
    refused("ENOSPC", other.create, slots=abi.VTPM_MAX_SLOTS)
    for queue in queues[: abi.VTPM_MAX_INDEX + 1]:
        queue.unmap()
    assert len(filled(other)) == abi.VTPM_MAX_INDEX + 1
    assert "vtpm:" not in host.run("dmesg | grep -v 'loading out-of-tree\\|taint'").text


def test_the_death_of_its_owner_destroys_everything(host: Host, device_user: DeviceUser) -> None:
    with DeviceUser(host) as mortal:
        possible = len(filled(mortal.open()))
        refused("ENOSPC", device_user.open().create, slots=abi.VTPM_MAX_SLOTS)
        mortal.kill()
    assert len(filled(device_user.open())) == possible


def test_the_module_cannot_leave_while_a_vm_needs_it(host: Host, device_file: DeviceFile) -> None:
    queue = started(device_file.create())
    assert host.run("rmmod vtpm", check=False).status != 0
    assert pcr(queue) != bytes(32)


def test_a_module_that_was_loaded_again_serves_new_vms(host: Host) -> None:
    host.run("rmmod vtpm; insmod /lib/modules/vtpm.ko")
    with DeviceUser(host) as user:
        started(user.open().create())
