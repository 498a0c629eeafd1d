"""Every instance has a queue of its own, at a physical address that EL3 allocated."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import pytest

from hil.target.monitor import TargetFault
from hil.target.vtpm import ControlPage, ForwardedQueue, ManagedQueue, Service, ServiceError, Status, abi, queue_ipa

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.fixtures import MakeVtpm
    from hil.target.vtpm import GuestQueue, OwnedInstance, Vm

ELSEWHERE = 0x9000_0000


@pytest.fixture
def instances(make_vm: Callable[..., Vm], make_vtpm: MakeVtpm) -> list[OwnedInstance]:
    """Instances of several VMs with queues of several sizes; some made where others were before."""
    vms = [make_vm() for _ in range(3)]

    def made(first_index: int, *slots: int) -> list[OwnedInstance]:
        return [
            make_vtpm(vms[number % 3], index=first_index + number // 3, slots=size).instance
            for number, size in enumerate(slots)
        ]

    first = made(0, 1, 15, 2, 7, 3)
    for gap in (first[1], first[3]):
        gap.destroy()
    return [first[0], first[2], first[4], *made(2, 4, 4, 4, 15, 1, 1)]


@pytest.mark.element("E4")
def test_no_two_queues_share_a_byte(instances: list[OwnedInstance]) -> None:
    for one, other in combinations(instances, 2):
        assert one.queue_pa + one.queue_bytes <= other.queue_pa or other.queue_pa + other.queue_bytes <= one.queue_pa


@pytest.mark.element("E5")
def test_queues_are_whole_pages(instances: list[OwnedInstance]) -> None:
    for instance in instances:
        assert instance.queue_pa % abi.VTPM_PAGE_BYTES == 0
        assert instance.queue_bytes == (1 + instance.slots) * abi.VTPM_PAGE_BYTES


@pytest.mark.element("E5")
def test_queues_lie_in_the_queue_pool(service: Service, instances: list[OwnedInstance]) -> None:
    limits, memory = service.limits(), service.memory()
    for instance in instances:
        assert limits.queue_pool <= instance.queue_pa
        assert instance.queue_pa + instance.queue_bytes <= limits.queue_pool + limits.queue_pool_bytes
    secure = range(memory.pool, memory.pool + limits.pool_bytes)
    assert limits.queue_pool not in secure


@pytest.mark.element("E5")
def test_a_new_queue_is_empty_and_says_its_size(instances: list[OwnedInstance]) -> None:
    for instance in instances:
        page = ControlPage.parse(instance.read_queue(0, abi.VTPM_PAGE_BYTES))
        assert (page.slots, page.head, page.tail) == (instance.slots, 0, 0)
        assert {(entry.state, entry.length) for entry in page.entries} == {(abi.VTPM_SLOT_FREE, 0)}
        assert not any(instance.read_queue(abi.VTPM_PAGE_BYTES, instance.slots * abi.VTPM_SLOT_BYTES))


@pytest.mark.element("E4")
def test_what_one_vm_writes_in_its_queue_appears_in_no_other(make_vtpm: MakeVtpm) -> None:
    ours, theirs = make_vtpm(), make_vtpm()
    before = theirs.agent.read(theirs.va, theirs.instance.queue_bytes)
    ours.agent.write(ours.va + abi.VTPM_PAGE_BYTES, b"ours" * 1024)
    ours.write(abi.VTPM_RING_HEAD, 1)
    assert theirs.agent.read(theirs.va, theirs.instance.queue_bytes) == before


@pytest.mark.element("E4")
@pytest.mark.element("E5")
def test_instances_of_one_vm_have_queues_of_their_own(vm: Vm, make_vtpm: MakeVtpm) -> None:
    first, second = make_vtpm(vm, index=0, slots=2), make_vtpm(vm, index=1, slots=2)
    assert first.instance.queue_pa != second.instance.queue_pa
    first.write(abi.VTPM_RING_HEAD, 3)
    assert first.ring().status == Status.BAD_QUEUE
    assert second.ring().status == Status.OK


@pytest.mark.element("E7")
def test_a_queue_can_be_placed_for_a_vm_that_has_no_identity(service: Service) -> None:
    """Hypervisors that forward their guests' calls have none to bind."""
    instance = service.create(1)
    instance.place(0x1_8000_0000)
    crb = ForwardedQueue(instance).control_page().crb
    assert [crb[name] for name in ("CMD_LADDR", "CMD_HADDR", "RSP_ADDR")] == [0x8000_1000, 1, 0x8000_1000]
    assert instance.info().state == abi.VTPM_STATE_CREATED
    with pytest.raises(ServiceError) as refusal:
        instance.place(0x8000_0001)
    assert refusal.value.status is Status.BAD_ADDRESS


@pytest.mark.element("E7")
@pytest.mark.usefixtures("monitor")
def test_a_vm_that_is_bound_stays_so_when_its_queue_is_placed_elsewhere(vtpm: ManagedQueue) -> None:
    vtpm.instance.place(ELSEWHERE)
    assert vtpm.control_page().crb["CMD_LADDR"] == ELSEWHERE + abi.VTPM_PAGE_BYTES
    assert vtpm.instance.info().state == abi.VTPM_STATE_BOUND
    assert vtpm.ring().status == Status.OK


@pytest.mark.usefixtures("host")
@pytest.mark.element("E7")
def test_a_vm_whose_queue_is_moved_by_its_vmm_finds_it_there_and_nothing_where_it_was(vtpm: GuestQueue) -> None:
    vtpm.instance.place(ELSEWHERE)
    with pytest.raises(TargetFault) as fault:
        vtpm.control_page()
    assert (fault.value.el, fault.value.taken.ipa) == (2, queue_ipa(0))
    vtpm.agent.map(vtpm.va, ELSEWHERE, vtpm.instance.queue_bytes)
    assert vtpm.control_page().crb["CMD_LADDR"] == ELSEWHERE + abi.VTPM_PAGE_BYTES
    assert vtpm.ring().status == Status.OK


@pytest.mark.element("E7")
def test_guest_and_hypervisor_see_the_same_queue(vtpm: GuestQueue) -> None:
    vtpm.agent.write(vtpm.va + abi.VTPM_PAGE_BYTES, b"written through the virtual address")
    at_the_physical_address = vtpm.instance.read_queue(0, vtpm.instance.queue_bytes)
    assert at_the_physical_address[abi.VTPM_PAGE_BYTES :].startswith(b"written through the virtual address")
    assert ControlPage.parse(at_the_physical_address[: abi.VTPM_PAGE_BYTES]) == vtpm.control_page()
