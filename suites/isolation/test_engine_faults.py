"""An engine that misbehaves is stopped: its instance fails, and nothing else does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.tpm import commands
from hil.vtpm import Reply, ServiceError, Status, abi
from suites.isolation import engine_patch as patch

if TYPE_CHECKING:
    from hil.drivers.hostmemory import HostMemory
    from hil.plugin.fixtures import MakeManagedVtpm
    from hil.vtpm import ManagedQueue, Service

pytestmark = [pytest.mark.needs_host_memory_access, pytest.mark.threat(10), pytest.mark.element("E3")]


def misbehave(kind: str, memory: HostMemory, service: Service) -> None:
    """Plant one misbehaviour in the engine."""
    layout = patch.EngineLayout.read(memory)
    space, limits = service.memory(), service.limits()
    windows = space.pool + limits.pool_bytes - space.windows * space.window_bytes
    store = {
        "writes-state-of-the-service": space.pool,
        "writes-images": windows - 4096,
        "writes-windows-of-others": windows + 7 * space.window_bytes,
        "writes-its-own-code": layout.text,
        "writes-its-constants": layout.rodata,
        "writes-beyond-its-window": layout.stack_top,
        "writes-its-guard-page": layout.guard + 4096 - 8,
        "writes-page-zero": 0,
    }
    if kind in store:
        layout.plant(memory, patch.STORE_ZERO_AT_X9, address=store[kind])
    elif kind == "reads-images":
        layout.plant(memory, patch.LOAD_FROM_X9, address=windows - 4096)
    elif kind == "runs-its-own-data":
        layout.plant(memory, patch.JUMP_TO_X9, address=layout.request + 4)
    elif kind == "overruns-its-stack":
        layout.plant(memory, patch.PUSH_ZEROS, patch.BACK_TO_LAST)
    else:
        layout.plant(memory, {"breakpoint": patch.BREAKPOINT, "undefined-instruction": patch.UNDEFINED}[kind])


KINDS = [
    "overruns-its-stack",
    "writes-state-of-the-service",
    "writes-images",
    "writes-windows-of-others",
    "writes-its-own-code",
    "writes-its-constants",
    "writes-beyond-its-window",
    "writes-its-guard-page",
    "writes-page-zero",
    "reads-images",
    "runs-its-own-data",
    "breakpoint",
    "undefined-instruction",
]


def provoke(vtpm: ManagedQueue) -> Reply:
    """Send the command on which the engine misbehaves."""
    slot = vtpm.control_page().head % vtpm.instance.slots
    vtpm.place(slot, patch.TRIGGER)
    return vtpm.submit(1)


@pytest.mark.parametrize("kind", KINDS)
def test_an_engine_that_misbehaves_takes_only_its_own_instance_along(
    kind: str, service: Service, host_memory: HostMemory, make_vtpm: MakeManagedVtpm
) -> None:
    misbehave(kind, host_memory, service)
    victim, neighbour = make_vtpm(), make_vtpm()
    for vtpm in (victim, neighbour):
        assert commands.submit(vtpm, commands.startup()).code == commands.SUCCESS
        assert commands.submit(vtpm, commands.pcr_extend(7, b"\x01" * 32)).code == commands.SUCCESS
    before = neighbour.transmit(commands.pcr_read(7))

    assert provoke(victim).status == Status.ENGINE_FAILED

    assert victim.instance.info().state == abi.VTPM_STATE_FAILED
    assert commands.Response.parse(victim.response()).code == commands.RC_FAILURE
    assert victim.ring().status == Status.BAD_STATE
    assert neighbour.transmit(commands.pcr_read(7)) == before
    assert commands.submit(neighbour, commands.get_random(8)).code == commands.SUCCESS
    assert commands.submit(make_vtpm(), commands.startup()).code == commands.SUCCESS


def test_a_failed_persistent_instance_can_only_be_asked_about_and_destroyed(
    service: Service, host_memory: HostMemory, make_vtpm: MakeManagedVtpm
) -> None:
    misbehave("breakpoint", host_memory, service)
    vtpm = make_vtpm(persistent=True)
    provoke(vtpm)
    for refused in (vtpm.instance.reset, vtpm.instance.forward, lambda: vtpm.instance.bind_to(vtpm.vm)):
        with pytest.raises(ServiceError) as refusal:
            refused()
        assert refusal.value.status is Status.BAD_STATE
    used = service.limits().instances_used
    vtpm.instance.destroy()
    assert service.limits().instances_used == used - 1


def test_a_failed_ephemeral_instance_comes_back_as_a_new_tpm(
    service: Service, host_memory: HostMemory, make_vtpm: MakeManagedVtpm
) -> None:
    misbehave("overruns-its-stack", host_memory, service)
    vtpm = make_vtpm(persistent=False)
    provoke(vtpm)
    vtpm.instance.reset()
    assert vtpm.instance.info().state == abi.VTPM_STATE_BOUND
    assert commands.submit(vtpm, commands.startup()).code == commands.SUCCESS
    assert provoke(vtpm).status == Status.ENGINE_FAILED


def test_a_failed_instance_leaves_no_secrets_behind(
    service: Service, host_memory: HostMemory, make_vtpm: MakeManagedVtpm
) -> None:
    """Scrubbed when it fails, not only when it is destroyed."""
    misbehave("breakpoint", host_memory, service)
    vtpm = make_vtpm()
    commands.submit(vtpm, commands.startup())
    commands.submit(vtpm, commands.pcr_extend(7, b"\x01" * 32))
    value = commands.pcr_value(vtpm.transmit(commands.pcr_read(7)))
    secure = range(service.limits().queue_pool)
    assert any(host_memory.find(value, secure))
    provoke(vtpm)
    assert not any(host_memory.find(value, secure))
