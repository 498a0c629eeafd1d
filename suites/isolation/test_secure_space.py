"""Instances live in preset secure space, which neither hypervisor nor guest can read or write."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from hil.target.monitor import TargetFault
from hil.target.tpm import commands

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hil.fixtures import HostMemory
    from hil.target.monitor import Monitor, VirtualMachine
    from hil.target.vtpm import ManagedQueue, Service
    from suites.conftest import FindSymbol

pytestmark = [pytest.mark.element("E3"), pytest.mark.threat(6)]
protected = pytest.mark.fails_without("protected_secure_space")

IPA = 0x9000_0000
VA = 0x3_0000_0000
PAGE = 4096
STRIDE = 0x10_0000
FAULT_STATUS, EXTERNAL_ABORT = 0x3F, 0x10  # ESR_ELx.ISS.DFSC, Arm ARM D19.2.37


@contextmanager
def refused_by_the_bus() -> Iterator[None]:
    """Expect an external abort: memory is mapped, and what lies behind the mapping says no."""
    with pytest.raises(TargetFault) as refusal:
        yield
    assert refusal.value.taken.serror or refusal.value.esr & FAULT_STATUS == EXTERNAL_ABORT, str(refusal.value)


def secure_addresses(service: Service) -> list[int]:
    """Addresses all over the secure pool: its first and last word, and one in every MiB."""
    pool, length = service.memory().pool, service.limits().pool_bytes
    return [*range(pool, pool + length, STRIDE), pool + length - 8]


@protected
def test_the_hypervisor_cannot_read_the_pool(monitor: Monitor, service: Service, vtpm: ManagedQueue) -> None:
    assert vtpm.instance.info()
    for pa in secure_addresses(service):
        with refused_by_the_bus():
            monitor.read(pa, 8)


@protected
def test_the_hypervisor_cannot_write_the_pool(monitor: Monitor, service: Service, vtpm: ManagedQueue) -> None:
    before = vtpm.instance.info()
    for pa in secure_addresses(service):
        with refused_by_the_bus():
            monitor.write(pa, b"\xa5" * 8)
    assert vtpm.instance.info() == before


@protected
@pytest.mark.needs_host_memory_access
def test_a_refused_write_has_not_happened(
    monitor: Monitor, service: Service, vtpm: ManagedQueue, host_memory: HostMemory
) -> None:
    assert vtpm.instance.info()
    before = [host_memory.read(pa, 8) for pa in secure_addresses(service)]
    for pa in secure_addresses(service):
        with refused_by_the_bus():
            monitor.write(pa, b"\xa5" * 8)
    assert [host_memory.read(pa, 8) for pa in secure_addresses(service)] == before


@protected
@pytest.mark.parametrize("device", [False, True], ids=["as-memory", "as-device"])
def test_a_guest_cannot_read_the_pool_even_if_the_hypervisor_maps_it(
    vm: VirtualMachine, service: Service, vtpm: ManagedQueue, device: bool
) -> None:
    for number, pa in enumerate(secure_addresses(service)):
        ipa, va = IPA + number * PAGE, VA + number * PAGE
        vm.map(ipa, pa & ~(PAGE - 1), PAGE, device=device)
        vtpm.agent.map(va, ipa, PAGE, device=device)
        with refused_by_the_bus():
            vtpm.agent.read(va + pa % PAGE, 8)
        with refused_by_the_bus():
            vtpm.agent.write(va + pa % PAGE, b"\xa5" * 8)


@protected
@pytest.mark.parametrize(
    ("file", "name"),
    [("bl31.elf", "__BL31_START__"), ("bl31.elf", "__STACKS_START__"), ("engine.elf", "engine_header")],
)
def test_firmware_and_engine_are_out_of_reach_too(monitor: Monitor, symbol: FindSymbol, file: str, name: str) -> None:
    pa = symbol(name, file)
    with refused_by_the_bus():
        monitor.read(pa, 8)
    with refused_by_the_bus():
        monitor.write(pa, bytes(8))


@pytest.mark.needs_host_memory_access
def test_the_state_of_an_instance_lies_in_the_pool_and_nowhere_else(
    service: Service, vtpm: ManagedQueue, host_memory: HostMemory
) -> None:
    """A PCR's value is computed inside; as long as nobody reads the PCR, only secure memory knows it."""
    measured = hashlib.sha256(b"measured").digest()
    commands.submit(vtpm, commands.startup())
    commands.submit(vtpm, commands.pcr_extend(7, measured))
    value = hashlib.sha256(bytes(32) + measured).digest()
    pool = range(service.memory().pool, service.memory().pool + service.limits().pool_bytes)
    places = list(host_memory.find(value))
    assert places
    assert [hex(place) for place in places if place not in pool] == []
    assert commands.pcr_value(vtpm.transmit(commands.pcr_read(7))) == value
