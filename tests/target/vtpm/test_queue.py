"""Queues and calls, against a few lines that play the service."""

from __future__ import annotations

import struct
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from hil.errors import FirmwareError
from hil.target.vtpm import ControlPage, ForwardedQueue, Instance, Service, Status, abi
from hil.target.vtpm.queue import buffer_offset, entry_offset

if TYPE_CHECKING:
    from hil.target.monitor import Monitor

PA = 0x4100_0000
HANDLE = 0x77


class EchoBoard:
    """Memory of one queue, and a FORWARD that answers every submitted command with itself, backwards."""

    def __init__(self, slots: int) -> None:
        self.memory = bytearray((1 + slots) * abi.VTPM_PAGE_BYTES)
        self.slots = slots
        self.calls: list[tuple[int, ...]] = []
        self.final_state = abi.VTPM_SLOT_DONE
        self._set(abi.VTPM_RING_MAGIC, abi.VTPM_RING_MAGIC_VALUE)
        self._set(abi.VTPM_RING_SLOTS, slots)

    def _set(self, offset: int, value: int) -> None:
        struct.pack_into("<I", self.memory, offset, value)

    def _get(self, offset: int) -> int:
        return int(struct.unpack_from("<I", self.memory, offset)[0])

    def read(self, pa: int, length: int) -> bytes:
        return bytes(self.memory[pa - PA : pa - PA + length])

    def write(self, pa: int, data: bytes) -> None:
        self.memory[pa - PA : pa - PA + len(data)] = data

    def smc(self, fid: int, *arguments: int) -> SimpleNamespace:
        self.calls.append((fid, *arguments))
        tail, head = self._get(abi.VTPM_RING_TAIL), self._get(abi.VTPM_RING_HEAD)
        while tail != head:
            entry, at = entry_offset(tail % self.slots), buffer_offset(tail % self.slots)
            assert self._get(entry + abi.VTPM_ENTRY_STATE) == abi.VTPM_SLOT_SUBMITTED
            length = self._get(entry + abi.VTPM_ENTRY_LENGTH)
            self.memory[at : at + length] = bytes(reversed(self.memory[at : at + length]))
            self._set(entry + abi.VTPM_ENTRY_STATE, self.final_state)
            tail += 1
        self._set(abi.VTPM_RING_TAIL, tail)
        return SimpleNamespace(x=(0,) * 18)


def instance_on(board: EchoBoard) -> Instance:
    service = Service(cast("Monitor", board))
    return Instance(service, 1, 0, board.slots, HANDLE, PA, len(board.memory))


@pytest.mark.parametrize("slots", [1, 3])
def test_forwarded_commands_go_round_the_ring(slots: int) -> None:
    board = EchoBoard(slots)
    queue = ForwardedQueue(instance_on(board))
    for number in range(2 * slots + 1):
        command = bytes([number, 2, 3])
        assert queue.transmit(command) == command[::-1]
    page = queue.control_page()
    assert page.head == page.tail == 2 * slots + 1
    assert set(board.calls) == {(abi.VTPM_FID_FORWARD, HANDLE)}


def test_a_slot_left_without_a_response_is_a_finding() -> None:
    board = EchoBoard(1)
    board.final_state = abi.VTPM_SLOT_SUBMITTED
    with pytest.raises(FirmwareError, match="SUBMITTED 3"):
        ForwardedQueue(instance_on(board)).transmit(b"abc")


def test_a_control_page_reads_like_a_sentence() -> None:
    board = EchoBoard(2)
    ForwardedQueue(instance_on(board)).transmit(b"abc")
    page = ControlPage.parse(board.read(PA, abi.VTPM_PAGE_BYTES))
    assert str(page) == "ring head 1 tail 1 slots [0: DONE 3, 1: FREE 0] crb []"


@pytest.mark.parametrize("damage", [(abi.VTPM_RING_MAGIC, 0), (abi.VTPM_RING_SLOTS, 0), (abi.VTPM_RING_SLOTS, 16)])
def test_a_page_that_is_no_control_page_is_refused(damage: tuple[int, int]) -> None:
    board = EchoBoard(1)
    board._set(*damage)
    with pytest.raises(ValueError, match="not a control page"):
        ControlPage.parse(board.read(PA, abi.VTPM_PAGE_BYTES))


def test_features_are_named_and_the_version_is_split() -> None:
    bits = abi.VTPM_FEATURE_PROTECTED_SPACE | abi.VTPM_FEATURE_SAVE
    monitor = SimpleNamespace(smc=lambda _fid: SimpleNamespace(x=(3 << 16 | 7, bits, *[0] * 16)))
    version = Service(cast("Monitor", monitor)).version()
    assert (version.major, version.minor) == (3, 7)
    assert version.features == {"PROTECTED_SPACE", "SAVE"}


def test_create_puts_the_requirements_where_the_abi_says() -> None:
    board = EchoBoard(1)
    Service(cast("Monitor", board)).create(9, profile=abi.VTPM_PROFILE_SHA384, persistent=True, slots=4, index=2)
    expected = (abi.VTPM_FID_CREATE, 9, abi.VTPM_PROFILE_SHA384 | abi.VTPM_REQUIRE_PERSISTENT, 4, 2)
    assert board.calls == [expected]


def test_an_arbitrary_call_is_made_as_given_and_never_raises() -> None:
    board = EchoBoard(1)
    reply = Service(cast("Monitor", board)).call(0xC300_00FF, 1, 2, 3)
    assert (reply.call, reply.status) == ("0xc30000ff", Status.OK)
    assert board.calls == [(0xC300_00FF, 1, 2, 3)]
