"""A command of a TPM, however long, does not keep a processor from its hypervisor.

The monitor ends a program whose deadline has passed by kicking the processor on which it runs. That is an interrupt,
and the only one that these guests get. Without preemption it would wait at EL3, and the monitor report a processor that
is stuck.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from hil.deadline import Deadline
from hil.target.monitor import Program, ProgramEnd, r
from hil.target.tpm import commands
from hil.target.tpm.key import signing_template
from hil.target.vtpm import GuestQueue, ManagedQueue, ServiceError, Status, abi
from suites.isolation import engine_patch as patch

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.fixtures import HostMemory, MakeManagedVtpm, MakeVtpm
    from hil.target.monitor import VirtualMachine
    from hil.target.vtpm import Service, Vm
    from suites.conftest import FindSymbol

pytestmark = [
    pytest.mark.threat(11),
    pytest.mark.usefixtures("monitor"),
    pytest.mark.element("E3"),
    pytest.mark.needs_host_memory_access,
]

SHORT = 0.05
"""Seconds: less than the long command takes on any emulator, and long enough for its doorbell to be rung."""
LOOP = 0x14000000  # b .
COUNT_DOWN = (
    0xD2A60009,  # mov x9, #0x30000000: each turn has two instructions
    0xF1000529,  # subs x9, x9, #1
    0x54FFFFE1,  # b.ne .-4
)
LONG = patch.TRIGGER
"""A command that takes long in every run, where that of the longest command of a TPM is a matter of luck."""
REFUSED = 0x084
"""TPM_RC_VALUE: what a TPM makes of it in the end, since it has no such tag."""

CANCELED = 0x909
"""TPM_RC_CANCELED."""


@pytest.fixture
def long_command(host_memory: HostMemory, engine_layout: patch.EngineLayout) -> bytes:
    """Return a command that keeps the engine busy for a while."""
    engine_layout.plant(host_memory, *COUNT_DOWN)
    return LONG


@pytest.fixture
def delay(host_memory: HostMemory, engine_layout: patch.EngineLayout) -> Callable[[str], None]:
    """Return what makes the engine take long before it does an operation; `NONE` ends that."""
    return engine_layout.plant_on_operation(host_memory, *COUNT_DOWN)


def started(queue: ManagedQueue) -> ManagedQueue:
    """Start a TPM."""
    assert commands.submit(queue, commands.startup()).code == commands.SUCCESS
    return queue


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


def test_a_second_processor_finishes_what_the_first_was_taken_away_from(
    long_command: bytes, shared: tuple[GuestQueue, GuestQueue]
) -> None:
    first, second = shared
    leave_in_the_middle(first, long_command)
    assert second.control_page().tail == second.control_page().head - 1
    assert second.ring().status is Status.OK
    assert second.control_page().tail == second.control_page().head
    slot = (second.control_page().head - 1) % second.instance.slots
    assert commands.Response.parse(second.response(slot)).code == REFUSED
    assert commands.submit(second, commands.get_random(8)).code == commands.SUCCESS


def test_an_engine_that_never_ends_costs_its_own_vm_a_processor_s_time_and_nobody_anything_else(
    host_memory: HostMemory, engine_layout: patch.EngineLayout, service: Service, make_vtpm: MakeManagedVtpm
) -> None:
    engine_layout.plant(host_memory, LOOP)
    endless, neighbour = started(make_vtpm()), started(make_vtpm())
    leave_in_the_middle(endless, patch.TRIGGER)
    assert commands.submit(neighbour, commands.get_random(8)).code == commands.SUCCESS
    assert endless.instance.info().state == abi.VTPM_STATE_BOUND
    used = service.limits().instances_used
    endless.instance.destroy()
    assert service.limits().instances_used == used - 1
    assert commands.submit(neighbour, commands.get_random(8)).code == commands.SUCCESS


def test_a_command_that_has_had_more_time_than_any_command_needs_ends_with_its_instance(
    host_memory: HostMemory,
    engine_layout: patch.EngineLayout,
    symbol: FindSymbol,
    make_vm: Callable[..., VirtualMachine],
    make_vtpm: MakeManagedVtpm,
) -> None:
    engine_layout.plant(host_memory, LOOP)
    host_memory.write(symbol("sandbox_budget_seconds"), struct.pack("<Q", 0))
    first = started(make_vtpm(make_vm(vcpus=2)))
    second = ManagedQueue.map(first.instance, first.vm, vcpu=1)
    leave_in_the_middle(first, patch.TRIGGER)
    assert second.ring().status is Status.ENGINE_FAILED
    assert first.instance.info().state == abi.VTPM_STATE_FAILED


def test_a_hypervisor_that_masks_interrupts_is_not_held_by_what_a_guest_has_left(
    long_command: bytes, make_vtpm: MakeManagedVtpm
) -> None:
    """The monitor masks them while it makes its calls."""
    left = started(make_vtpm())
    leave_in_the_middle(left, long_command)
    for refused in (left.instance.reset, left.instance.forward):
        with pytest.raises(ServiceError) as refusal:
            refused()
        assert refusal.value.status is Status.BUSY
    left.instance.destroy()


def test_guests_that_leave_in_the_middle_of_a_command_do_not_lock_out_others(
    long_command: bytes, service: Service, make_vtpm: MakeManagedVtpm
) -> None:
    """They hold all windows. Whoever needs one goes on with the oldest command in its own time."""
    other = started(make_vtpm())
    for _ in range(service.memory().windows):
        leave_in_the_middle(started(make_vtpm()), long_command)
    assert other.instance.ticks().evictions == 1
    assert commands.submit(other, commands.get_random(8)).code == commands.SUCCESS


def test_an_interrupt_between_two_commands_of_a_ring_is_taken_there(
    long_command: bytes, make_vm: Callable[..., VirtualMachine], make_vtpm: MakeManagedVtpm
) -> None:
    first = started(make_vtpm(make_vm(vcpus=2), slots=abi.VTPM_MAX_SLOTS))
    second = ManagedQueue.map(first.instance, first.vm, vcpu=1)
    leave_in_the_middle(first, long_command, times=4)
    assert second.ring().status is Status.OK
    assert second.control_page().tail == second.control_page().head


@pytest.mark.threat(8)
def test_registers_of_a_guest_survive_an_interrupted_command(
    long_command: bytes, make_vm: Callable[..., Vm], make_vtpm: MakeVtpm
) -> None:
    """x0-x30 of the processor that goes on with it, which executes the SMC as if nothing had happened."""
    vm = make_vm(vcpus=2)
    first = make_vtpm(vm)
    assert commands.submit(first, commands.startup()).code == commands.SUCCESS
    second = GuestQueue.map(first.instance, vm, vcpu=1)
    leave_in_the_middle(first, long_command)
    canaries = tuple(0xCA11_AB1E_0000_0000 | index for index in range(31))
    registers = second.agent.smc(second.doorbell, *canaries[1:18]).registers
    assert registers[0] == 0
    assert not any(registers[1:4])
    assert registers[4:18] == canaries[4:18]


def test_cancel_ends_the_making_of_a_key_and_the_tpm_goes_on(
    delay: Callable[[str], None], shared: tuple[GuestQueue, GuestQueue]
) -> None:
    first, second = shared
    delay("EXECUTE")
    leave_in_the_middle(first, commands.create_primary(bytes(signing_template("rsa").marshal())))
    delay("NONE")
    second.write(abi.VTPM_CRB_CTRL_CANCEL, 1)
    assert second.ring().status is Status.OK
    slot = (second.control_page().head - 1) % second.instance.slots
    assert commands.Response.parse(second.response(slot)).code == CANCELED
    second.write(abi.VTPM_CRB_CTRL_CANCEL, 0)
    assert commands.submit(second, commands.get_random(8)).code == commands.SUCCESS


def test_a_hypervisor_that_can_be_told_may_go_on_with_what_a_guest_has_left(
    long_command: bytes, make_vtpm: MakeManagedVtpm
) -> None:
    """Also with interrupts masked, which is how the monitor makes its calls."""
    left = started(make_vtpm())
    leave_in_the_middle(left, long_command)
    assert left.instance.call(abi.VTPM_FID_FORWARD, abi.VTPM_TELL_MORE).status is Status.OK
    assert left.control_page().tail == left.control_page().head
