"""Instances live in preset secure space, which neither hypervisor nor guest can read or write."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.monitor import TargetFault

if TYPE_CHECKING:
    from hil.drivers.hostmemory import HostMemory
    from hil.monitor import Monitor, VirtualMachine
    from hil.vtpm import GuestQueue, Service

pytestmark = [
    pytest.mark.element("E3"),
    pytest.mark.threat(6),
    pytest.mark.fails_without("protected_secure_space"),
]

IPA = 0x9000_0000
VA = 0x3_0000_0000
PAGE = 4096
STRIDE = 0x10_0000


def secure_addresses(service: Service) -> list[int]:
    """Addresses all over the secure pool: its first and last word, and one in every MiB."""
    pool, length = service.memory().pool, service.limits().pool_bytes
    return [*range(pool, pool + length, STRIDE), pool + length - 8]


def test_the_hypervisor_cannot_read_the_pool(monitor: Monitor, service: Service, vtpm: GuestQueue) -> None:
    assert vtpm.instance.info()
    for pa in secure_addresses(service):
        with pytest.raises(TargetFault):
            monitor.read(pa, 8)


def test_the_hypervisor_cannot_write_the_pool(
    monitor: Monitor, service: Service, vtpm: GuestQueue, host_memory: HostMemory
) -> None:
    assert vtpm.instance.info()
    for pa in secure_addresses(service):
        before = host_memory.read(pa, 8)
        with pytest.raises(TargetFault):
            monitor.write(pa, b"\xa5" * 8)
        assert host_memory.read(pa, 8) == before


@pytest.mark.parametrize("device", [False, True], ids=["as-memory", "as-device"])
def test_a_guest_cannot_read_the_pool_even_if_the_hypervisor_maps_it(
    vm: VirtualMachine, service: Service, vtpm: GuestQueue, device: bool
) -> None:
    for number, pa in enumerate(secure_addresses(service)):
        ipa, va = IPA + number * PAGE, VA + number * PAGE
        vm.map(ipa, pa & ~(PAGE - 1), PAGE, device=device)
        vtpm.agent.map(va, ipa, PAGE, device=device)
        with pytest.raises(TargetFault):
            vtpm.agent.read(va + pa % PAGE, 8)
        with pytest.raises(TargetFault):
            vtpm.agent.write(va + pa % PAGE, b"\xa5" * 8)


@pytest.mark.parametrize("pa", [0x0E00_0000, 0x0E02_0000, 0x0E10_0000, 0x0E3F_F000])
def test_firmware_and_engine_are_out_of_reach_too(monitor: Monitor, pa: int) -> None:
    with pytest.raises(TargetFault):
        monitor.read(pa, 8)
    with pytest.raises(TargetFault):
        monitor.write(pa, bytes(8))


@pytest.mark.needs_host_memory_access
def test_the_state_of_an_instance_lies_in_the_pool_and_nowhere_else(
    service: Service, vtpm: GuestQueue, host_memory: HostMemory
) -> None:
    """What a VM keeps in NV memory is found in the pool by a look from the host, and only there."""
    from hil.tpm import Tpm

    secret = bytes.fromhex("5ec2e7a1b0c3d4f59687a8b9cadbecfd")
    with Tpm(vtpm) as tpm:
        tpm.startup()
        tpm.nv_write(tpm.nv_define(0x0150_0001, len(secret)), secret)
        tpm.random(32)
    vtpm.agent.write(vtpm.va + PAGE, bytes(PAGE))
    pool = range(service.memory().pool, service.memory().pool + service.limits().pool_bytes)
    places = list(host_memory.find(secret))
    assert any(place in pool for place in places)
