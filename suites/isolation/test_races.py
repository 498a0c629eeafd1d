"""A second vCPU changes the queue while EL3 works on it: each field is read once, so nothing is won."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from hil.deadline import Deadline
from hil.errors import InfrastructureError
from hil.target.monitor import Program, r
from hil.target.tpm import commands
from hil.target.vtpm import GuestQueue, abi, buffer_offset, entry_offset

if TYPE_CHECKING:
    from hil.fixtures import MakeVtpm
    from hil.target.monitor import Pending

TIMEOUT = 240.0
PAGE = abi.VTPM_PAGE_BYTES
GET_RANDOM = commands.get_random(8)
EXTEND = commands.pcr_extend(3, b"\x33" * 32)
HEADER_SIZE, HEADER_CODE, AUTHORISATION_SIZE = 2, 6, 14  # offsets in a command, TPM 2.0 Library part 1
MEETINGS, TRAPPED_MEETINGS, MAX_ROUNDS = 1000, 200, 200_000


@dataclass(frozen=True, slots=True)
class Flip:
    """What the second vCPU flips: `size` bytes at an offset of the queue, between what is right and what is not."""

    command: bytes
    offset: int
    right: int
    wrong: int
    size: int = 4


def upper_half(command: bytes, field: int, wrong: int) -> Flip:
    """Flip the upper half of a 32-bit field of a command: all of it is not aligned, so no access changes it at once."""
    right = int.from_bytes(command[field : field + 2], "little")
    return Flip(command, buffer_offset(0) + field, right, wrong, size=2)


FLIPS = {
    "length": Flip(GET_RANDOM, entry_offset(0) + abi.VTPM_ENTRY_LENGTH, len(GET_RANDOM), 0xFFFF_FFF0),
    "length-past-the-slot": Flip(GET_RANDOM, entry_offset(0) + abi.VTPM_ENTRY_LENGTH, len(GET_RANDOM), 2 * PAGE),
    "state": Flip(GET_RANDOM, entry_offset(0) + abi.VTPM_ENTRY_STATE, abi.VTPM_SLOT_SUBMITTED, 0xFFFF_FFFF),
    "command-size": upper_half(GET_RANDOM, HEADER_SIZE, 0xFF7F),
    "command-code": upper_half(GET_RANDOM, HEADER_CODE, 0xFFFF),
    "authorisation-size": upper_half(EXTEND, AUTHORISATION_SIZE, 0xFF7F),
    "slots": Flip(GET_RANDOM, abi.VTPM_RING_SLOTS, 1, 0xFFFF_FFFF),
    "tail": Flip(GET_RANDOM, abi.VTPM_RING_TAIL, 0, 0x8000_0000),
}


@dataclass(frozen=True, slots=True)
class Meeting:
    """Two words of the VM's memory: set when flipping is to end, and how often it was flipped."""

    stop: int
    flips: int

    @classmethod
    def of(cls, queue: GuestQueue) -> Meeting:
        """Place and clear them."""
        meeting = cls(queue.vm.free_ipa, queue.vm.free_ipa + 64)
        for va in (meeting.stop, meeting.flips):
            queue.agent.write(va, bytes(4))
        return meeting


def flipper(queue: GuestQueue, flip: Flip, meeting: Meeting) -> Pending:
    """Flip until told to stop."""
    at, right, wrong, stop, told, flips, count = r[:7]
    program = Program()
    for register, value in ((at, queue.va + flip.offset), (right, flip.right), (wrong, flip.wrong)):
        program.set(register, value)
    program.set(stop, meeting.stop)
    program.set(flips, meeting.flips)
    program.label("again")
    for _ in range(4):
        program.store(wrong, at, size=flip.size)
        program.store(right, at, size=flip.size)
    program.add(count, count, 1)
    program.store(count, flips, size=4)
    program.load(told, stop, size=4)
    program.branch(told, "==", 0, "again")
    program.halt()
    return queue.agent.start(program, Deadline.after(TIMEOUT))


BAD, LAST_BAD, MET = r[26], r[27], r[28]


def enough(queue: GuestQueue) -> int:
    """How many doorbells must be met; where each is trapped first, they take long, and EL3 is the same."""
    return TRAPPED_MEETINGS if queue.vm.trap_smc else MEETINGS


def submitter(queue: GuestQueue, flip: Flip, meeting: Meeting) -> Program:
    """Submit the command until it was flipped during enough doorbells; count in `BAD` those that were not OK."""
    base, entry, buffer, data, head, left, flips, before = r[18:26]
    program = Program()
    program.put(flip.command)
    program.data(data)
    program.set(base, queue.va)
    program.set(entry, queue.va + entry_offset(0))
    program.set(buffer, queue.va + buffer_offset(0))
    program.set(flips, meeting.flips)
    program.load(head, base, abi.VTPM_RING_HEAD, size=4)
    program.set(left, MAX_ROUNDS)
    program.label("again")
    program.copy(buffer, data, len(flip.command), size=4)
    program.set(r[0], len(flip.command))
    program.store(r[0], entry, abi.VTPM_ENTRY_LENGTH, size=4)
    program.set(r[0], abi.VTPM_SLOT_SUBMITTED)
    program.store(r[0], entry, abi.VTPM_ENTRY_STATE, size=4)
    program.add(head, head, 1)
    program.store(head, base, abi.VTPM_RING_HEAD, size=4)
    program.load(before, flips, size=4)
    program.set(r[0], queue.doorbell)
    program.smc()
    program.branch(r[0], "==", 0, "fine")
    program.add(BAD, BAD, 1)
    program.move(LAST_BAD, r[0])
    program.label("fine")
    program.load(r[0], flips, size=4)
    program.branch(r[0], "==", before, "not met")
    program.add(MET, MET, 1)
    program.branch(MET, ">=", enough(queue), "done")
    program.label("not met")
    program.loop(left, "again")
    program.label("done")
    program.set(r[0], 1)
    program.set(r[1], meeting.stop)
    program.store(r[0], r[1], size=4)
    program.halt()
    return program


@pytest.mark.threat(1)
@pytest.mark.parametrize("name", FLIPS)
def test_nothing_is_won_by_changing_the_queue_while_el3_works(
    shared: tuple[GuestQueue, GuestQueue], make_vtpm: MakeVtpm, name: str
) -> None:
    flip, queue, other_vcpu = FLIPS[name], *shared
    neighbour = make_vtpm()
    commands.submit(neighbour, commands.startup())
    untouched = neighbour.agent.read(neighbour.va, neighbour.instance.queue_bytes)
    state = queue.instance.info().state
    control = commands.pcr_value(queue.transmit(commands.pcr_read(9)))
    meeting = Meeting.of(queue)

    flipping = flipper(other_vcpu, flip, meeting)
    outcome = queue.agent.run(submitter(queue, flip, meeting), Deadline.after(TIMEOUT)).require("racing")
    flipping.wait(Deadline.after(TIMEOUT)).require("flipping")
    if outcome.r[MET.index] < enough(queue):
        raise InfrastructureError(f"two processors met only {outcome.r[MET.index]} times", hint="a host with two CPUs")

    assert (outcome.r[BAD.index], outcome.r[LAST_BAD.index]) == (0, 0), "the doorbell was refused"
    assert queue.instance.info().state == state
    assert commands.submit(queue, GET_RANDOM).code == commands.SUCCESS
    assert commands.pcr_value(queue.transmit(commands.pcr_read(9))) == control
    assert neighbour.agent.read(neighbour.va, neighbour.instance.queue_bytes) == untouched
    assert commands.submit(neighbour, GET_RANDOM).code == commands.SUCCESS
