"""Every instance has a queue of its own, at a physical address that EL3 allocated."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import pytest

from hil.vtpm import ControlPage, ForwardedQueue, GuestQueue, Service, ServiceError, Status, abi

if TYPE_CHECKING:
    from hil.monitor import Monitor, VirtualMachine
    from hil.plugin.fixtures import MakeVtpm
    from hil.vtpm import Instance


@pytest.fixture
def instances(service: Service) -> list[Instance]:
    """Instances of several VMs with queues of several sizes; some made where others were before."""
    first = [service.create(vm_id, slots=slots) for vm_id, slots in enumerate((1, 15, 2, 7, 3), start=1)]
    for gap in (first[1], first[3]):
        gap.destroy()
    later = [service.create(vm_id, slots=slots) for vm_id, slots in enumerate((4, 4, 4, 15, 1, 1), start=10)]
    return [first[0], first[2], first[4], *later]


@pytest.mark.element("E4")
def test_no_two_queues_share_a_byte(instances: list[Instance]) -> None:
    for one, other in combinations(instances, 2):
        assert one.queue_pa + one.queue_bytes <= other.queue_pa or other.queue_pa + other.queue_bytes <= one.queue_pa


@pytest.mark.element("E5")
def test_queues_are_whole_pages_of_the_queue_pool(service: Service, instances: list[Instance]) -> None:
    limits, memory = service.limits(), service.memory()
    for instance in instances:
        assert instance.queue_pa % abi.VTPM_PAGE_BYTES == 0
        assert instance.queue_bytes == (1 + instance.slots) * abi.VTPM_PAGE_BYTES
        assert limits.queue_pool <= instance.queue_pa
        assert instance.queue_pa + instance.queue_bytes <= limits.queue_pool + limits.queue_pool_bytes
    secure = range(memory.pool, memory.pool + limits.pool_bytes)
    assert limits.queue_pool not in secure


@pytest.mark.element("E5")
def test_a_new_queue_is_empty_and_says_its_size(monitor: Monitor, instances: list[Instance]) -> None:
    for instance in instances:
        page = ForwardedQueue(instance).control_page()
        assert (page.slots, page.head, page.tail) == (instance.slots, 0, 0)
        assert {(entry.state, entry.length) for entry in page.entries} == {(abi.VTPM_SLOT_FREE, 0)}
        buffers = monitor.read(instance.queue_pa + abi.VTPM_PAGE_BYTES, instance.slots * abi.VTPM_SLOT_BYTES)
        assert not any(buffers)


@pytest.mark.element("E4")
def test_what_one_vm_writes_in_its_queue_appears_in_no_other(make_vtpm: MakeVtpm) -> None:
    ours, theirs = make_vtpm(), make_vtpm()
    before = theirs.agent.read(theirs.va, theirs.instance.queue_bytes)
    ours.agent.write(ours.va + abi.VTPM_PAGE_BYTES, b"ours" * 1024)
    ours.write(abi.VTPM_RING_HEAD, 1)
    assert theirs.agent.read(theirs.va, theirs.instance.queue_bytes) == before


@pytest.mark.element("E4")
@pytest.mark.element("E5")
def test_instances_of_one_vm_have_queues_of_their_own(vm: VirtualMachine, make_vtpm: MakeVtpm) -> None:
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
def test_a_vm_that_is_bound_stays_so_when_its_queue_is_placed_elsewhere(vtpm: GuestQueue) -> None:
    vtpm.instance.place(0x9000_0000)
    assert vtpm.control_page().crb["CMD_LADDR"] == 0x9000_1000
    assert vtpm.instance.info().state == abi.VTPM_STATE_BOUND
    assert vtpm.ring().status == Status.OK


@pytest.mark.element("E7")
def test_guest_and_hypervisor_see_the_same_queue(monitor: Monitor, vtpm: GuestQueue) -> None:
    vtpm.agent.write(vtpm.va + abi.VTPM_PAGE_BYTES, b"written through the virtual address")
    at_the_physical_address = monitor.read(vtpm.instance.queue_pa, vtpm.instance.queue_bytes)
    assert at_the_physical_address[abi.VTPM_PAGE_BYTES :].startswith(b"written through the virtual address")
    assert ControlPage.parse(at_the_physical_address[: abi.VTPM_PAGE_BYTES]) == vtpm.control_page()
