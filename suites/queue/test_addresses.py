"""A VM reaches its queue at the virtual addresses that it chooses, and only while its own tables lead there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hil.target.monitor import TargetFault
from hil.target.tpm import commands
from hil.target.vtpm import GuestQueue, abi, queue_ipa

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.fixtures import MakeVtpm
    from hil.target.vtpm import Vm

pytestmark = pytest.mark.element("E7")

PAGE = abi.VTPM_PAGE_BYTES
ELSEWHERE = 0x3_0000_0000


@pytest.fixture
def queue(make_vtpm: MakeVtpm) -> GuestQueue:
    """A queue of four pages; its TPM is started."""
    queue = make_vtpm(slots=3)
    assert commands.submit(queue, commands.startup()).code == commands.SUCCESS
    return queue


def well(queue: GuestQueue) -> bool:
    """Whether the TPM answers through this mapping."""
    return commands.submit(queue, commands.get_random(8)).code == commands.SUCCESS


@pytest.mark.element("E8")
def test_commands_go_through_any_mapping_of_the_queue(queue: GuestQueue) -> None:
    queue.agent.map(ELSEWHERE, queue_ipa(0), queue.instance.queue_bytes)
    elsewhere = replace(queue, va=ELSEWHERE)
    assert well(elsewhere)
    assert well(queue)
    assert elsewhere.control_page() == queue.control_page()


@pytest.mark.element("E8")
def test_commands_go_through_a_mapping_as_device_memory(queue: GuestQueue) -> None:
    """As the CRB driver of an operating system maps it."""
    queue.agent.unmap(queue.va, queue.instance.queue_bytes)
    assert well(GuestQueue.map(queue.instance, queue.vm, device=True))


@pytest.mark.parametrize("hole", range(4))
def test_a_hole_in_the_mapping_is_the_vm_s_own_fault(queue: GuestQueue, hole: int) -> None:
    queue.agent.unmap(queue.va + hole * PAGE, PAGE)
    with pytest.raises(TargetFault) as fault:
        queue.agent.write(queue.va + hole * PAGE, bytes(8))
    assert (fault.value.el, fault.value.far) == (1, queue.va + hole * PAGE)
    queue.agent.map(queue.va + hole * PAGE, queue_ipa(0) + hole * PAGE, PAGE)
    assert well(queue)


def test_each_vcpu_has_a_mapping_of_its_own(make_vm: Callable[..., Vm], make_vtpm: MakeVtpm) -> None:
    first = make_vtpm(make_vm(vcpus=2))
    second = GuestQueue.map(first.instance, first.vm, vcpu=1)
    first.agent.unmap(first.va, first.instance.queue_bytes)
    with pytest.raises(TargetFault):
        first.control_page()
    assert commands.submit(second, commands.startup()).code == commands.SUCCESS


def test_pages_of_the_queue_are_where_the_vm_puts_them(queue: GuestQueue) -> None:
    """EL3 goes by the queue's physical address: pages in another order are the same pages."""
    for page, other in ((1, 2), (2, 1)):
        queue.agent.unmap(queue.va + page * PAGE, PAGE)
        queue.agent.map(queue.va + page * PAGE, queue_ipa(0) + other * PAGE, PAGE)
    queue.agent.write(queue.va + PAGE, b"the second slot's")
    assert queue.instance.read_queue(2 * PAGE, 17) == b"the second slot's"
