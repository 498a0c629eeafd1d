"""The ring: several commands for one doorbell, and nothing a guest writes in it hurts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.target.tpm import commands
from hil.target.vtpm import GuestQueue, ManagedQueue, Status, abi, queue_ipa

if TYPE_CHECKING:
    from hil.fixtures import MakeVtpm

PAGE = abi.VTPM_PAGE_BYTES
GET_RANDOM = commands.get_random(16)


@pytest.fixture
def queue(make_vtpm: MakeVtpm) -> GuestQueue:
    """A started TPM with four slots, whose ring is back at slot 0."""
    queue = make_vtpm(slots=4)
    queue.place(0, commands.startup())
    for slot in (1, 2, 3):
        queue.place(slot, GET_RANDOM)
    assert queue.submit(4).status == Status.OK
    return queue


def well(queue: GuestQueue) -> bool:
    """Whether the TPM still answers."""
    return commands.submit(queue, GET_RANDOM).code == commands.SUCCESS


@pytest.mark.element("E8")
def test_one_doorbell_carries_as_many_commands_as_there_are_slots(queue: GuestQueue) -> None:
    for slot in range(4):
        queue.place(slot, commands.pcr_extend(5, bytes([slot]) * 32))
    before = queue.instance.info().commands
    assert queue.submit(4).status == Status.OK
    page = queue.control_page()
    assert page.head == page.tail
    assert {entry.state for entry in page.entries} == {abi.VTPM_SLOT_DONE}
    assert [commands.Response.parse(queue.response(slot)).code for slot in range(4)] == [commands.SUCCESS] * 4
    assert queue.instance.info().commands == before + 4


@pytest.mark.element("E8")
def test_commands_run_in_the_order_of_the_ring(queue: GuestQueue) -> None:
    queue.place(0, commands.pcr_extend(5, b"a" * 32))
    queue.place(1, commands.pcr_read(5))
    queue.place(2, commands.pcr_extend(5, b"b" * 32))
    queue.place(3, commands.pcr_read(5))
    queue.submit(4)
    between, after = (commands.pcr_value(queue.response(slot)) for slot in (1, 3))
    assert bytes(32) != between != after
    assert commands.pcr_value(queue.transmit(commands.pcr_read(5))) == after


def test_slots_are_used_round_and_round(queue: GuestQueue) -> None:
    for _ in range(11):
        assert well(queue)
    page = queue.control_page()
    assert page.head == page.tail == 4 + 11


@pytest.mark.usefixtures("monitor")
@pytest.mark.element("E8")
def test_no_command_traps_to_the_hypervisor(queue: ManagedQueue) -> None:
    before = queue.vm.traps()
    for _ in range(4):
        assert well(queue)
    assert queue.vm.traps() == before


def test_a_doorbell_without_a_command_does_nothing(queue: GuestQueue) -> None:
    before = queue.control_page(), queue.instance.info()
    assert queue.ring().status == Status.OK
    assert (queue.control_page(), queue.instance.info()) == before


@pytest.mark.parametrize("ahead", [5, 6, 1 << 31, -1, -4])
def test_a_head_that_is_out_of_range_runs_nothing(queue: GuestQueue, ahead: int) -> None:
    head, done = queue.control_page().head, queue.instance.info().commands
    queue.write(abi.VTPM_RING_HEAD, head + ahead)
    assert queue.ring().status == Status.BAD_QUEUE
    assert queue.instance.info().commands == done
    queue.write(abi.VTPM_RING_HEAD, head)
    assert well(queue)


@pytest.mark.parametrize("length", [0, 1, 9, PAGE + 1, 2 * PAGE, 1 << 31, 0xFFFF_FFFF])
def test_a_length_that_is_out_of_range_is_refused_in_its_slot_alone(queue: GuestQueue, length: int) -> None:
    queue.place(0, GET_RANDOM, length=length)
    queue.place(1, GET_RANDOM)
    assert queue.submit(2).status == Status.OK
    entries = queue.control_page().entries
    assert [entries[0].state, entries[1].state] == [abi.VTPM_SLOT_REFUSED, abi.VTPM_SLOT_DONE]
    assert commands.Response.parse(queue.response(0)).code == commands.RC_COMMAND_SIZE
    assert commands.Response.parse(queue.response(1)).code == commands.SUCCESS


@pytest.mark.parametrize("state", [abi.VTPM_SLOT_FREE, abi.VTPM_SLOT_DONE, abi.VTPM_SLOT_REFUSED, 4, 0xFFFF_FFFF])
def test_a_slot_that_was_not_submitted_is_refused(queue: GuestQueue, state: int) -> None:
    done = queue.instance.info().commands
    queue.place(0, GET_RANDOM, state=state)
    assert queue.submit(1).status == Status.OK
    assert queue.control_page().entries[0].state == abi.VTPM_SLOT_REFUSED
    assert queue.instance.info().commands == done
    assert well(queue)


def test_what_the_guest_writes_in_fields_of_el3_is_not_believed(queue: GuestQueue) -> None:
    for offset in (abi.VTPM_RING_TAIL, abi.VTPM_RING_SLOTS):
        queue.write(offset, 0xFFFF_FFFF)
    queue.write(abi.VTPM_RING_MAGIC, 0)
    for offset in (abi.VTPM_CRB_CMD_LADDR, abi.VTPM_CRB_CMD_HADDR, abi.VTPM_CRB_RSP_ADDR, abi.VTPM_CRB_CMD_SIZE):
        queue.write(offset, 0x0E00_0000)
    queue.place(0, GET_RANDOM)
    queue.write(abi.VTPM_RING_HEAD, 5)
    assert queue.ring().status == Status.OK
    queue.write(abi.VTPM_RING_SLOTS, 4)
    queue.write(abi.VTPM_RING_MAGIC, abi.VTPM_RING_MAGIC_VALUE)
    assert queue.control_page().tail == 5
    assert commands.Response.parse(queue.response(0)).code == commands.SUCCESS


def test_a_response_is_written_and_nothing_else(queue: GuestQueue) -> None:
    queue.agent.write(queue.va + PAGE, b"\xa5" * (4 * PAGE))
    queue.place(0, GET_RANDOM)
    before = queue.agent.read(queue.va, queue.instance.queue_bytes)
    queue.submit(1)
    after = queue.agent.read(queue.va, queue.instance.queue_bytes)
    size = len(queue.response(0))
    assert size == 10 + 2 + 16
    assert after[PAGE + size :] == before[PAGE + size :]
    entry = abi.VTPM_RING_ENTRIES
    changed = {offset & ~3 for offset in range(PAGE) if before[offset] != after[offset]}
    allowed = {abi.VTPM_RING_HEAD, abi.VTPM_RING_TAIL, entry + abi.VTPM_ENTRY_STATE, entry + abi.VTPM_ENTRY_LENGTH}
    assert changed <= allowed


def test_a_command_as_large_as_the_slot_is_taken(queue: GuestQueue) -> None:
    digests = bytes(PAGE - commands.HEADER_BYTES)
    response = commands.Response.parse(queue.transmit(commands.command(commands.CC_GET_RANDOM, digests)))
    assert response.code != commands.SUCCESS
    assert well(queue)


def test_the_crb_registers_say_what_a_driver_needs(queue: GuestQueue) -> None:
    crb = queue.control_page().crb
    buffer = queue_ipa(queue.instance.index) + PAGE
    assert (crb["CMD_LADDR"], crb["CMD_HADDR"]) == (buffer & 0xFFFF_FFFF, buffer >> 32)
    assert crb["CMD_SIZE"] == crb["RSP_SIZE"] == abi.VTPM_SLOT_BYTES
    assert crb["RSP_ADDR"] == buffer & 0xFFFF_FFFF
    assert crb["CTRL_STS"] == crb["CTRL_START"] == crb["CTRL_CANCEL"] == 0


@pytest.mark.element("E8")
def test_a_command_by_the_crb_registers_is_done_when_the_doorbell_returns(queue: GuestQueue) -> None:
    queue.agent.write(queue.va + PAGE, GET_RANDOM)
    queue.write(abi.VTPM_CRB_CTRL_START, 1)
    assert queue.ring().status == Status.OK
    crb = queue.control_page().crb
    assert (crb["CTRL_START"], crb["CTRL_STS"]) == (0, 0)
    assert queue.buffer(0)[:10].hex() == "80010000001c00000000"


@pytest.mark.parametrize("size", [0, 9, PAGE + 1, 0xFFFF_FFFF])
def test_a_crb_command_that_lies_about_its_size_gets_a_tpm_error(queue: GuestQueue, size: int) -> None:
    queue.agent.write(queue.va + PAGE, commands.command(commands.CC_GET_RANDOM, b"\x00\x10", size=size))
    queue.write(abi.VTPM_CRB_CTRL_START, 1)
    assert queue.ring().status == Status.OK
    assert commands.Response.parse(queue.buffer(0)[:10]).code == commands.RC_COMMAND_SIZE
    assert queue.control_page().crb["CTRL_START"] == 0
    assert well(queue)
