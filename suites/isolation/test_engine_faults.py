"""An engine that misbehaves is stopped: its instance fails, and nothing else does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.target.tpm import commands
from hil.target.vtpm import Reply, ServiceError, Status, abi
from suites.isolation import engine_patch as patch

if TYPE_CHECKING:
    from hil.fixtures import HostMemory, MakeManagedVtpm, MakeVtpm
    from hil.target.vtpm import GuestQueue, Service
    from suites.conftest import FindSymbol

pytestmark = [pytest.mark.needs_host_memory_access, pytest.mark.threat(10), pytest.mark.element("E3")]


def misbehave(kind: str, memory: HostMemory, layout: patch.EngineLayout) -> None:
    """Plant a misbehaviour in the engine that is about its own memory."""
    store = {
        "writes-its-own-code": layout.text,
        "writes-its-constants": layout.rodata,
        "writes-beyond-its-window": layout.stack_top,
        "writes-its-guard-page": layout.guard + 4096 - 8,
        "writes-page-zero": 0,
    }
    code = {
        "overruns-its-stack": (patch.PUSH_ZEROS, patch.BACK_TO_LAST),
        "breakpoint": (patch.BREAKPOINT,),
        "undefined-instruction": (patch.UNDEFINED,),
    }
    if kind in store:
        layout.plant(memory, patch.STORE_ZERO_AT_X9, address=store[kind])
    elif kind == "runs-its-own-data":
        layout.plant(memory, patch.JUMP_TO_X9, address=layout.request + 4)
    else:
        layout.plant(memory, *code[kind])


def reach_for_others(kind: str, memory: HostMemory, layout: patch.EngineLayout, service: Service) -> None:
    """Plant a misbehaviour that is about memory of others; where that lies, only the service says."""
    space, limits = service.memory(), service.limits()
    windows = space.pool + limits.pool_bytes - space.windows * space.window_bytes
    instruction, address = {
        "writes-state-of-the-service": (patch.STORE_ZERO_AT_X9, space.pool),
        "writes-images": (patch.STORE_ZERO_AT_X9, windows - 4096),
        "writes-windows-of-others": (patch.STORE_ZERO_AT_X9, windows + 7 * space.window_bytes),
        "reads-images": (patch.LOAD_FROM_X9, windows - 4096),
        "writes-queues": (patch.STORE_ZERO_AT_X9, limits.queue_pool + limits.queue_pool_bytes - 4096),
        "reads-queues": (patch.LOAD_FROM_X9, limits.queue_pool),
    }[kind]
    layout.plant(memory, instruction, address=address)


AGAINST_ITSELF = [
    "overruns-its-stack",
    "writes-its-own-code",
    "writes-its-constants",
    "writes-beyond-its-window",
    "writes-its-guard-page",
    "writes-page-zero",
    "runs-its-own-data",
    "breakpoint",
    "undefined-instruction",
]
AGAINST_OTHERS = [
    "writes-state-of-the-service",
    "writes-images",
    "writes-windows-of-others",
    "reads-images",
    "writes-queues",
    "reads-queues",
]


def provoke(vtpm: GuestQueue) -> Reply:
    """Send the command on which the engine misbehaves."""
    slot = vtpm.control_page().head % vtpm.instance.slots
    vtpm.place(slot, patch.TRIGGER)
    return vtpm.submit(1)


def check_that_only_the_victim_fails(make_vtpm: MakeVtpm) -> None:
    """Let the engine misbehave for one of two VMs; the other, and a third, notice nothing."""
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


@pytest.mark.parametrize("kind", AGAINST_ITSELF)
def test_an_engine_that_misbehaves_takes_only_its_own_instance_along(
    kind: str, host_memory: HostMemory, engine_layout: patch.EngineLayout, make_vtpm: MakeVtpm
) -> None:
    misbehave(kind, host_memory, engine_layout)
    check_that_only_the_victim_fails(make_vtpm)


def test_an_engine_that_gives_up_takes_only_its_own_instance_along(
    host_memory: HostMemory, engine_layout: patch.EngineLayout, symbol: FindSymbol, make_vtpm: MakeVtpm
) -> None:
    engine_layout.plant(host_memory, patch.JUMP_TO_X9, address=symbol("abort", "engine.elf"))
    check_that_only_the_victim_fails(make_vtpm)


@pytest.mark.parametrize("kind", AGAINST_OTHERS)
def test_an_engine_that_reaches_for_memory_of_others_takes_only_its_own_instance_along(
    kind: str, service: Service, host_memory: HostMemory, engine_layout: patch.EngineLayout, make_vtpm: MakeVtpm
) -> None:
    reach_for_others(kind, host_memory, engine_layout, service)
    check_that_only_the_victim_fails(make_vtpm)


def test_a_failed_persistent_instance_can_only_be_asked_about_and_destroyed(
    service: Service, host_memory: HostMemory, engine_layout: patch.EngineLayout, make_vtpm: MakeManagedVtpm
) -> None:
    misbehave("breakpoint", host_memory, engine_layout)
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
    host_memory: HostMemory, engine_layout: patch.EngineLayout, make_vtpm: MakeVtpm
) -> None:
    misbehave("overruns-its-stack", host_memory, engine_layout)
    vtpm = make_vtpm(persistent=False)
    before = vtpm.instance.info().state
    provoke(vtpm)
    vtpm.instance.reset()
    assert vtpm.instance.info().state == before
    assert commands.submit(vtpm, commands.startup()).code == commands.SUCCESS
    assert provoke(vtpm).status == Status.ENGINE_FAILED


def test_a_failed_instance_leaves_no_secrets_behind(
    host_memory: HostMemory, engine_layout: patch.EngineLayout, secrets: tuple[range, ...], make_vtpm: MakeVtpm
) -> None:
    """Scrubbed when it fails, not only when it is destroyed."""
    misbehave("breakpoint", host_memory, engine_layout)
    vtpm = make_vtpm()
    commands.submit(vtpm, commands.startup())
    commands.submit(vtpm, commands.pcr_extend(7, b"\x01" * 32))
    value = commands.pcr_value(vtpm.transmit(commands.pcr_read(7)))
    assert any(any(host_memory.find(value, place)) for place in secrets)
    provoke(vtpm)
    assert not any(any(host_memory.find(value, place)) for place in secrets)
