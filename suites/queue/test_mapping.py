"""EL3 verifies that the guest's virtual address is the queue's: right, wrong and missing mappings are told apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.target.tpm import commands
from hil.target.vtpm import ManagedQueue, Status, abi, queue_ipa

if TYPE_CHECKING:
    from hil.fixtures import MakeManagedVtpm
    from hil.target.monitor import Monitor

pytestmark = [pytest.mark.element("E7"), pytest.mark.threat(6), pytest.mark.usefixtures("monitor")]

PAGE = abi.VTPM_PAGE_BYTES
ELSEWHERE = 0x3_0000_0000
ALL_ONES = (1 << 64) - 1


@pytest.fixture
def queue(make_vtpm: MakeManagedVtpm) -> ManagedQueue:
    """A queue of four pages, mapped where it belongs."""
    return make_vtpm(slots=3)


def test_the_address_where_the_queue_is_mapped_is_confirmed(queue: ManagedQueue) -> None:
    assert queue.check().status == Status.OK


def test_a_second_mapping_of_the_queue_is_confirmed_too(queue: ManagedQueue) -> None:
    queue.agent.map(ELSEWHERE, queue_ipa(queue.instance.index), queue.instance.queue_bytes)
    assert queue.check(ELSEWHERE).status == Status.OK


@pytest.mark.parametrize("offset", [1, 8, PAGE // 2, PAGE - 1, PAGE, -PAGE])
def test_an_address_beside_the_queue_is_refused(queue: ManagedQueue, offset: int) -> None:
    assert queue.check(queue.va + offset).status == Status.BAD_ADDRESS


@pytest.mark.parametrize(
    "va",
    [
        pytest.param(0, id="zero"),
        pytest.param(ELSEWHERE, id="unmapped"),
        pytest.param(1 << 47, id="beyond-the-tables"),
        pytest.param(0xDEAD << 48, id="not-canonical"),
        pytest.param(ALL_ONES & ~(PAGE - 1), id="wraps-around"),
        pytest.param(ALL_ONES - 4 * PAGE + 1, id="ends-at-the-very-end"),
        pytest.param(ALL_ONES, id="unaligned-at-the-end"),
    ],
)
def test_an_address_that_maps_nothing_is_refused(queue: ManagedQueue, va: int) -> None:
    assert queue.check(va).status == Status.BAD_ADDRESS


@pytest.mark.parametrize("hole", range(4))
def test_a_hole_in_the_mapping_is_noticed(queue: ManagedQueue, hole: int) -> None:
    queue.agent.unmap(queue.va + hole * PAGE, PAGE)
    assert queue.check().status == Status.BAD_ADDRESS


@pytest.mark.parametrize("hole", range(4))
def test_a_hole_in_stage_2_is_noticed(queue: ManagedQueue, hole: int) -> None:
    queue.vm.unmap(queue_ipa(queue.instance.index) + hole * PAGE, PAGE)
    assert queue.check().status == Status.BAD_ADDRESS


@pytest.mark.parametrize("page", range(4))
def test_a_page_that_the_guest_may_not_write_is_noticed(queue: ManagedQueue, page: int) -> None:
    queue.agent.unmap(queue.va + page * PAGE, PAGE)
    ipa = queue_ipa(queue.instance.index) + page * PAGE
    queue.agent.map(queue.va + page * PAGE, ipa, PAGE, writable=False)
    assert queue.check().status == Status.BAD_ADDRESS


@pytest.mark.needs_stage2_write_check
@pytest.mark.parametrize("page", range(4))
def test_a_page_that_stage_2_makes_read_only_is_noticed(queue: ManagedQueue, page: int) -> None:
    ipa = queue_ipa(queue.instance.index) + page * PAGE
    queue.vm.unmap(ipa, PAGE)
    queue.vm.map(ipa, queue.instance.queue_pa + page * PAGE, PAGE, writable=False)
    assert queue.check().status == Status.BAD_ADDRESS


def test_pages_in_the_wrong_order_are_noticed(queue: ManagedQueue) -> None:
    ipa = queue_ipa(queue.instance.index)
    for page, other in ((1, 2), (2, 1)):
        queue.agent.unmap(queue.va + page * PAGE, PAGE)
        queue.agent.map(queue.va + page * PAGE, ipa + other * PAGE, PAGE)
    assert queue.check().status == Status.BAD_ADDRESS


def test_private_memory_of_the_vm_is_not_its_queue(queue: ManagedQueue) -> None:
    queue.agent.map(ELSEWHERE, queue.vm.ram_ipa, queue.instance.queue_bytes)
    assert queue.check(ELSEWHERE).status == Status.BAD_ADDRESS


def test_the_queue_of_another_vm_is_not_confirmed(queue: ManagedQueue, make_vtpm: MakeManagedVtpm) -> None:
    theirs = make_vtpm(slots=3)
    ipa = queue_ipa(theirs.instance.index + 1)
    queue.vm.map(ipa, theirs.instance.queue_pa, theirs.instance.queue_bytes)
    queue.agent.map(ELSEWHERE, ipa, theirs.instance.queue_bytes)
    assert queue.check(ELSEWHERE).status == Status.BAD_ADDRESS


def test_the_queue_of_another_instance_of_the_same_vm_is_not_confirmed(
    queue: ManagedQueue, make_vtpm: MakeManagedVtpm
) -> None:
    second = make_vtpm(queue.vm, index=1, slots=3)
    assert second.check(queue.va).status == Status.BAD_ADDRESS
    assert queue.check(second.va).status == Status.BAD_ADDRESS
    assert second.check().status == queue.check().status == Status.OK


@pytest.mark.parametrize("place", ["firmware", "pool", "uart"])
def test_an_address_that_leads_out_of_memory_is_refused(queue: ManagedQueue, place: str) -> None:
    pa = {"firmware": 0x0E00_0000, "pool": queue.instance.service.memory().pool, "uart": 0x0900_0000}[place]
    ipa = queue_ipa(queue.instance.index + 1)
    queue.vm.map(ipa, pa, queue.instance.queue_bytes, device=True)
    queue.agent.map(ELSEWHERE, ipa, queue.instance.queue_bytes, device=True)
    assert queue.check(ELSEWHERE).status == Status.BAD_ADDRESS


def test_a_closed_queue_is_not_confirmed(queue: ManagedQueue) -> None:
    queue.instance.destroy()
    assert queue.check().status == Status.NOT_PERMITTED


@pytest.mark.parametrize("index", [1, 15, 16, 1 << 32, ALL_ONES])
def test_an_index_without_an_instance_is_refused(queue: ManagedQueue, index: int) -> None:
    answer = queue.agent.smc(abi.VTPM_FID_QUEUE_CHECK, queue.va, index).x[0]
    assert answer == abi.VTPM_E_NOT_PERMITTED & ALL_ONES


def test_the_hypervisor_has_no_queue_of_its_own(monitor: Monitor, queue: ManagedQueue) -> None:
    answer = monitor.smc(abi.VTPM_FID_QUEUE_CHECK, queue.instance.queue_pa, 0).x[0]
    assert answer == abi.VTPM_E_NOT_PERMITTED & ALL_ONES


def test_a_confirmed_address_carries_commands_and_a_refused_check_changes_nothing(queue: ManagedQueue) -> None:
    assert queue.check(ELSEWHERE).status == Status.BAD_ADDRESS
    assert commands.submit(queue, commands.startup()).code == commands.SUCCESS


@pytest.mark.element("E8")
def test_a_queue_mapped_as_device_memory_is_confirmed_and_works(queue: ManagedQueue) -> None:
    """As the CRB driver of an operating system maps it."""
    queue.agent.unmap(queue.va, queue.instance.queue_bytes)
    mapped = ManagedQueue.map(queue.instance, queue.vm, device=True)
    assert mapped.check().status == Status.OK
    assert commands.submit(mapped, commands.startup()).code == commands.SUCCESS
    assert commands.submit(mapped, commands.get_random(8)).code == commands.SUCCESS
