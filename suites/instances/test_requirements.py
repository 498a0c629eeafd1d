"""Instances are generated as a VM requires; what cannot be honoured is refused by name and changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.target.tpm import commands
from hil.target.vtpm import Service, ServiceError, Status, abi

if TYPE_CHECKING:
    from hil.fixtures import MakeManagedVtpm, MakeVtpm
    from hil.target.vtpm import Vm

pytestmark = pytest.mark.element("E2")

VM = 7
BIT_63 = 1 << 63
SECOND_UNKNOWN = (abi.VTPM_REQUIRE_KNOWN + 1) << 1


@pytest.mark.parametrize("profile", range(abi.VTPM_PROFILE_COUNT))
@pytest.mark.parametrize(("slots", "index"), [(1, 0), (abi.VTPM_MAX_SLOTS, 15)])
def test_an_instance_is_what_its_vm_required(make_vtpm: MakeVtpm, profile: int, slots: int, index: int) -> None:
    instance = make_vtpm(persistent=False, profile=profile, slots=slots, index=index).instance
    info = instance.info()
    assert (info.requirements, info.index) == (profile, index)
    assert (info.queue_pa, info.queue_bytes) == (instance.queue_pa, instance.queue_bytes)
    assert info.queue_bytes == abi.VTPM_PAGE_BYTES + slots * abi.VTPM_SLOT_BYTES
    assert info.commands == 0


@pytest.mark.parametrize("profile", range(abi.VTPM_PROFILE_COUNT))
def test_a_persistent_instance_is_what_was_required(service: Service, profile: int) -> None:
    instance = service.create(VM, profile=profile, persistent=True)
    info = instance.info()
    assert info.requirements == profile | abi.VTPM_REQUIRE_PERSISTENT
    assert (info.state, info.vm_id, info.index) == (abi.VTPM_STATE_CREATED, VM, 0)
    assert (info.queue_pa, info.queue_bytes) == (instance.queue_pa, instance.queue_bytes)
    assert info.commands == 0


@pytest.mark.parametrize(
    "requirements",
    [
        pytest.param({"profile": abi.VTPM_PROFILE_COUNT}, id="first-unknown-profile"),
        pytest.param({"profile": abi.VTPM_REQUIRE_KNOWN + 1}, id="first-unknown-requirement"),
        pytest.param({"profile": BIT_63}, id="last-unknown-requirement"),
        pytest.param({"slots": 0}, id="no-slots"),
        pytest.param({"slots": abi.VTPM_MAX_SLOTS + 1}, id="one-slot-too-many"),
        pytest.param({"slots": 1 << 32 | 1}, id="slots-with-high-bits"),
        pytest.param({"index": abi.VTPM_MAX_INDEX + 1}, id="index-too-large"),
        pytest.param({"index": 1 << 32}, id="index-with-high-bits"),
    ],
)
def test_a_vm_gets_no_tpm_for_requirements_that_cannot_be_honoured(
    vm: Vm, make_vtpm: MakeVtpm, requirements: dict[str, int]
) -> None:
    with pytest.raises(ServiceError) as refusal:
        make_vtpm(vm, **requirements)
    assert refusal.value.status is Status.BAD_REQUIREMENT
    assert make_vtpm(vm).ring().status == Status.OK


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param((0, 0, 1, 0), id="vm-id-zero"),
        pytest.param((VM, abi.VTPM_PROFILE_COUNT, 1, 0), id="first-unknown-profile"),
        pytest.param((VM, abi.VTPM_REQUIRE_PROFILE_MASK, 1, 0), id="last-unknown-profile"),
        pytest.param((VM, abi.VTPM_REQUIRE_KNOWN + 1, 1, 0), id="first-unknown-requirement"),
        pytest.param((VM, SECOND_UNKNOWN, 1, 0), id="second-unknown-requirement"),
        pytest.param((VM, BIT_63, 1, 0), id="last-unknown-requirement"),
        pytest.param((VM, 0, 0, 0), id="no-slots"),
        pytest.param((VM, 0, abi.VTPM_MAX_SLOTS + 1, 0), id="one-slot-too-many"),
        pytest.param((VM, 0, 1 << 32 | 1, 0), id="slots-with-high-bits"),
        pytest.param((VM, 0, 1, abi.VTPM_MAX_INDEX + 1), id="index-too-large"),
        pytest.param((VM, 0, 1, 1 << 32), id="index-with-high-bits"),
        pytest.param((VM, 0, 1, 0, 1), id="x5-not-zero"),
        pytest.param((VM, 0, 1, 0, 0, 1), id="x6-not-zero"),
        pytest.param((VM, 0, 1, 0, 0, 0, BIT_63), id="x7-not-zero"),
    ],
)
def test_a_requirement_that_cannot_be_honoured_is_refused(service: Service, arguments: tuple[int, ...]) -> None:
    before = service.limits()
    reply = service.call(abi.VTPM_FID_CREATE, *arguments)
    assert reply.status == Status.BAD_REQUIREMENT
    assert reply.values == (0, 0, 0, *(*arguments, 0, 0, 0)[3:7])
    assert service.limits() == before


def test_a_vm_cannot_have_two_instances_with_one_index(vm: Vm, make_vtpm: MakeVtpm) -> None:
    first = make_vtpm(vm, index=3)
    with pytest.raises(ServiceError) as refusal:
        make_vtpm(vm, index=3)
    assert refusal.value.status is Status.EXISTS
    assert first.ring().status == Status.OK
    make_vtpm(index=3)
    make_vtpm(vm, index=4)


def test_one_vm_may_own_an_instance_per_index(vm: Vm, make_vtpm: MakeVtpm) -> None:
    owned = [make_vtpm(vm, index=index) for index in range(abi.VTPM_MAX_INDEX + 1)]
    assert [queue.instance.info().index for queue in owned] == list(range(abi.VTPM_MAX_INDEX + 1))
    assert len({queue.instance.info().vm_id for queue in owned}) == 1
    assert {queue.ring().status for queue in owned} == {Status.OK}


def test_instances_of_two_vms_have_two_owners(make_vtpm: MakeVtpm) -> None:
    assert make_vtpm().instance.info().vm_id != make_vtpm().instance.info().vm_id


def test_at_least_eight_instances_live_at_once(make_vtpm: MakeVtpm) -> None:
    vtpms = [make_vtpm() for _ in range(8)]
    for number, vtpm in enumerate(vtpms):
        commands.submit(vtpm, commands.startup())
        for _ in range(number):
            commands.submit(vtpm, commands.pcr_extend(5, bytes(32)))
    values = [commands.pcr_value(vtpm.transmit(commands.pcr_read(5))) for vtpm in vtpms]
    assert len(set(values)) == 8


def test_more_instances_than_windows_keep_their_states(service: Service, make_vtpm: MakeManagedVtpm) -> None:
    vtpms = [make_vtpm() for _ in range(service.memory().windows + 2)]
    for number, vtpm in enumerate(vtpms):
        commands.submit(vtpm, commands.startup())
        commands.submit(vtpm, commands.pcr_extend(5, bytes([number]) * 32))
    values = [commands.pcr_value(vtpm.transmit(commands.pcr_read(5))) for vtpm in vtpms]
    assert values == [commands.pcr_value(vtpm.transmit(commands.pcr_read(5))) for vtpm in vtpms]
    assert len(set(values)) == len(vtpms)
    assert vtpms[0].instance.ticks().evictions > 0
    assert service.memory().images >= 2


def test_a_full_pool_is_refused_by_name_and_works_again_after_a_destroy(service: Service) -> None:
    live: list[int] = []
    while (reply := service.call(abi.VTPM_FID_CREATE, VM + len(live), 0, abi.VTPM_MAX_SLOTS, 0)).status == Status.OK:
        live.append(reply.values[0])
        assert len(live) <= service.limits().instances
    assert reply.status == Status.NO_SPACE
    assert service.limits().instances_used == len(live) >= 8
    service.call(abi.VTPM_FID_DESTROY, live.pop()).require()
    assert service.limits().instances_used == len(live)
    service.create(VM - 1, slots=abi.VTPM_MAX_SLOTS)
