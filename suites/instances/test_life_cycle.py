"""Handles, states and what is left of an instance when it is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.target.tpm import commands
from hil.target.vtpm import Service, ServiceError, Status, abi

if TYPE_CHECKING:
    from hil.fixtures import MakeVtpm
    from hil.target.monitor import VirtualMachine
    from hil.target.vtpm import GuestQueue, Instance, ManagedQueue, Vm

VM = 7
ALL_ONES = (1 << 64) - 1
CALLS_ON_A_HANDLE = {
    "bind": (abi.VTPM_FID_BIND, 1, 0x4400_0000, 1, 0),
    "info": (abi.VTPM_FID_INFO, abi.VTPM_INFO_STATE),
    "reset": (abi.VTPM_FID_RESET,),
    "destroy": (abi.VTPM_FID_DESTROY,),
    "forward": (abi.VTPM_FID_FORWARD,),
}


@pytest.fixture
def instance(service: Service) -> Instance:
    """An instance that is not bound."""
    return service.create(VM)


@pytest.mark.parametrize("name", CALLS_ON_A_HANDLE)
@pytest.mark.parametrize("near", [-1, 1, 1 << 16, 1 << 32, -(1 << 16), ALL_ONES])
def test_a_handle_that_leads_nowhere_is_refused(service: Service, instance: Instance, name: str, near: int) -> None:
    fid, *arguments = CALLS_ON_A_HANDLE[name]
    handle = ALL_ONES if near == ALL_ONES else (instance.handle + near) & ALL_ONES
    assert service.call(fid, handle, *arguments).status == Status.BAD_HANDLE
    assert instance.info().state == abi.VTPM_STATE_CREATED


@pytest.mark.parametrize("name", CALLS_ON_A_HANDLE)
def test_the_handle_of_a_destroyed_instance_is_dead_for_ever(service: Service, instance: Instance, name: str) -> None:
    instance.destroy()
    successors = [service.create(VM, index=index) for index in range(3)]
    assert instance.handle not in {successor.handle for successor in successors}
    fid, *arguments = CALLS_ON_A_HANDLE[name]
    assert service.call(fid, instance.handle, *arguments).status == Status.BAD_HANDLE
    assert all(successor.info().vm_id == VM for successor in successors)


def test_destroy_gives_everything_back(service: Service) -> None:
    before, memory = service.limits(), service.memory()
    instances = [service.create(vm_id, slots=abi.VTPM_MAX_SLOTS) for vm_id in range(1, 4)]
    during = service.limits()
    assert during.instances_used == before.instances_used + 3
    assert during.pool_free < before.pool_free
    for instance in instances:
        instance.destroy()
    assert service.limits() == before
    assert service.memory() == memory


def test_a_vm_id_and_index_are_free_again_after_destroy(service: Service, instance: Instance) -> None:
    instance.destroy()
    assert service.create(VM).info().commands == 0


@pytest.mark.parametrize("selector", [2, 3, 1 << 32, ALL_ONES])
def test_unknown_selectors_are_refused(service: Service, instance: Instance, selector: int) -> None:
    assert service.call(abi.VTPM_FID_LIMITS, selector).status == Status.BAD_REQUIREMENT
    assert instance.call(abi.VTPM_FID_INFO, selector).status == Status.BAD_REQUIREMENT


def test_an_instance_that_is_not_bound_answers_no_vm(vm: VirtualMachine, vtpm: ManagedQueue, service: Service) -> None:
    unbound = service.create(vm.id, index=vtpm.instance.index + 1)
    assert vtpm.agent.smc(abi.doorbell(unbound.index)).x[0] == abi.VTPM_E_NOT_PERMITTED & ALL_ONES
    assert vtpm.ring().status == Status.OK


def test_a_vm_without_an_instance_any_more_can_ring_nothing_until_it_gets_another(
    vm: Vm, make_vtpm: MakeVtpm, vtpm: GuestQueue
) -> None:
    commands.submit(vtpm, commands.startup())
    vtpm.instance.destroy()
    assert vtpm.ring().status == Status.NOT_PERMITTED
    successor = make_vtpm(vm)
    assert commands.submit(successor, commands.get_random(8)).code == commands.RC_INITIALIZE
    assert successor.instance.info().commands == 1


@pytest.mark.element("E2")
def test_the_end_of_one_instance_leaves_the_others_of_its_vm_alone(vm: Vm, make_vtpm: MakeVtpm) -> None:
    ended, other = make_vtpm(vm, index=0), make_vtpm(vm, index=1)
    for vtpm in (ended, other):
        commands.submit(vtpm, commands.startup())
        commands.submit(vtpm, commands.pcr_extend(5, bytes(32)))
    before = other.transmit(commands.pcr_read(5))
    ended.instance.destroy()
    assert ended.ring().status == Status.NOT_PERMITTED
    assert other.transmit(commands.pcr_read(5)) == before


def test_a_destroyed_instance_is_dead_for_whoever_held_it(vtpm: GuestQueue) -> None:
    vtpm.instance.destroy()
    for call in (vtpm.instance.info, vtpm.instance.reset, vtpm.instance.destroy):
        with pytest.raises(ServiceError) as refusal:
            call()
        assert refusal.value.status is Status.BAD_HANDLE


def test_reset_empties_the_ring(vtpm: GuestQueue) -> None:
    commands.submit(vtpm, commands.startup())
    vtpm.instance.reset()
    page = vtpm.control_page()
    assert (page.head, page.tail) == (0, 0)
    assert commands.submit(vtpm, commands.get_random(8)).code == commands.RC_INITIALIZE


@pytest.mark.usefixtures("monitor")
def test_bind_makes_the_instance_ready(vtpm: GuestQueue) -> None:
    assert vtpm.instance.info().state == abi.VTPM_STATE_BOUND


def test_every_command_is_counted(vtpm: GuestQueue) -> None:
    for expected in range(3):
        assert vtpm.instance.info().commands == expected
        vtpm.transmit(commands.get_random(4))
    vtpm.ring()
    assert vtpm.instance.info().commands == 3


@pytest.mark.usefixtures("monitor")
def test_the_time_of_a_doorbell_is_accounted_for(vtpm: ManagedQueue) -> None:
    vtpm.transmit(commands.startup())
    vtpm.transmit(commands.get_random(32))
    ticks = vtpm.instance.ticks()
    assert 0 < ticks.engine < ticks.doorbell
    assert ticks.engine + ticks.switching <= ticks.doorbell


@pytest.mark.parametrize(
    ("vmid", "base", "epoch", "ipa", "status"),
    [
        pytest.param(1, 0x4400_0001, 1, 0, Status.BAD_ADDRESS, id="base-unaligned"),
        pytest.param(1, 0, 1, 0, Status.BAD_ADDRESS, id="base-zero"),
        pytest.param(1, 1 << 52, 1, 0, Status.BAD_ADDRESS, id="base-beyond-physical-memory"),
        pytest.param(1, ALL_ONES & ~0xFFF, 1, 0, Status.BAD_ADDRESS, id="base-at-the-end"),
        pytest.param(1, 0x4400_0000, 1, 0x8000_0800, Status.BAD_ADDRESS, id="ipa-unaligned"),
        pytest.param(1, 0x4400_0000, 1, ALL_ONES & ~0xFFF, Status.BAD_ADDRESS, id="ipa-wraps"),
        pytest.param(1 << 16, 0x4400_0000, 1, 0, Status.BAD_REQUIREMENT, id="vmid-too-large"),
        pytest.param(1 << 32, 0x4400_0000, 1, 0, Status.BAD_REQUIREMENT, id="vmid-with-high-bits"),
        pytest.param(1, 0x4400_0000, 0, 0, Status.BAD_REQUIREMENT, id="epoch-zero"),
    ],
)
@pytest.mark.threat(6)
def test_a_malformed_binding_is_refused_and_binds_nothing(
    instance: Instance, vmid: int, base: int, epoch: int, ipa: int, status: Status
) -> None:
    with pytest.raises(ServiceError) as refusal:
        instance.bind(vmid, base, epoch=epoch, ipa=ipa)
    assert refusal.value.status is status
    assert instance.info().state == abi.VTPM_STATE_CREATED


@pytest.mark.parametrize("fid", [abi.VTPM_FID_SAVE, abi.VTPM_FID_RESTORE])
def test_what_is_not_built_yet_says_so(service: Service, instance: Instance, fid: int) -> None:
    assert "SAVE" not in service.version().features
    assert service.call(fid, instance.handle).status == Status.NOT_SUPPORTED
