"""Interrupts that come while EL3 works on a command: the monitor's kick, and its timer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.deadline import Deadline
from hil.target.monitor import Program, ProgramEnd, r
from hil.target.vtpm import Status, abi

if TYPE_CHECKING:
    from hil.target.vtpm import GuestQueue, Instance

SHORT = 0.05
"""Seconds: less than the long command takes on any emulator, and long enough for its doorbell to be rung."""
PER_SECOND = 1000
"""The timer's interrupt comes after one part in so many of a second, which is less than the long command takes, too."""
CNTHP_CTL_EL2, CNTHP_CVAL_EL2 = "S3_4_C14_C2_1", "S3_4_C14_C2_2"
ISB = 0xD503_3FDF
ENABLE = 1
TURNS = 100
"""An interrupt comes now and then that a test has not asked for: a character, or another processor's kick."""


def leave_in_the_middle(queue: GuestQueue, command: bytes, times: int = 1) -> None:
    """Submit a command, ring, and have the processor taken away while EL3 works on it."""
    control = queue.control_page()
    for number in range(times):
        queue.place((control.head + number) % queue.instance.slots, command)
    program = Program()
    program.set(r[18], queue.va)
    program.set(r[19], control.head + times)
    program.store(r[19], r[18], abi.VTPM_RING_HEAD, size=4)
    program.set(r[0], queue.doorbell)
    program.smc()
    program.halt()
    outcome = queue.agent.run(program, Deadline.after(SHORT))
    assert outcome.ended is ProgramEnd.STOPPED, (
        "EL3 kept the processor, or was too quick for this test to mean anything"
    )


def go_on(instance: Instance, fid: int) -> Status:
    """Make a call of which the hypervisor is told that it was interrupted, again and again until it has ended."""
    status = Status.MORE
    for _ in range(TURNS):
        status = Status(instance.call(fid, abi.VTPM_TELL_MORE).status)
        if status is not Status.MORE:
            break
    return status


def arm_timer(program: Program) -> None:
    """Have the hypervisor's timer interrupt what comes next; the monitor masks that, so EL2 does not take it."""
    program.mrs(r[18], "CNTFRQ_EL0")
    program.div(r[18], r[18], PER_SECOND)
    program.mrs(r[19], "CNTPCT_EL0")
    program.add(r[19], r[19], r[18])
    program.msr(CNTHP_CVAL_EL2, r[19])
    program.set(r[18], ENABLE)
    program.msr(CNTHP_CTL_EL2, r[18])
    program.barrier(ISB)


def disarm_timer(program: Program) -> None:
    """Switch the hypervisor's timer off again; the monitor uses it itself."""
    program.set(r[18], 0)
    program.msr(CNTHP_CTL_EL2, r[18])
    program.barrier(ISB)
