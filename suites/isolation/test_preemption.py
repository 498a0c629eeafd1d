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
from hil.target.tpm import commands, signing_template
from hil.target.vtpm import GuestQueue, ManagedQueue, ServiceError, Status, abi
from suites.isolation import engine_patch as patch
from suites.isolation.interrupts import arm_timer, disarm_timer, go_on, leave_in_the_middle

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.fixtures import HostMemory, MakeManagedVtpm, MakeVtpm
    from hil.target.monitor import Monitor, VirtualMachine
    from hil.target.vtpm import Service, Vm
    from suites.conftest import FindSymbol

pytestmark = [
    pytest.mark.threat(11),
    pytest.mark.usefixtures("monitor"),
    pytest.mark.element("E3"),
    pytest.mark.needs_host_memory_access,
]

LOOP = 0x14000000  # b .
COUNT_FOR_EVER = (
    0xF9400009 | patch.WINDOW_MARK // 8 << 10,  # ldr x9, [x0, #mark]
    0x91000529,  # add x9, x9, #1
    0xF9000009 | patch.WINDOW_MARK // 8 << 10,  # str x9, [x0, #mark]
    0x17FFFFFD,  # b .-12
)
LONG = 2
"""Seconds: enough for a processor to go on with a command."""
REFUSED = 0x084
"""TPM_RC_VALUE: what a TPM makes of it in the end, since it has no such tag."""

CANCELED = 0x909
"""TPM_RC_CANCELED."""


@pytest.fixture
def delay(host_memory: HostMemory, engine_layout: patch.EngineLayout) -> Callable[[str], None]:
    """Return what makes the engine take long before it does an operation; `NONE` ends that."""
    return engine_layout.plant_on_operation(host_memory, *patch.COUNT_DOWN)


def started(queue: ManagedQueue) -> ManagedQueue:
    """Start a TPM."""
    assert commands.submit(queue, commands.startup()).code == commands.SUCCESS
    return queue


def told(monitor: Monitor, fid: int, handle: int) -> int:
    """Make a call that says MORE when it is interrupted, as a timer will do, and return its status."""
    program = Program()
    arm_timer(program)
    for index, value in enumerate((fid, handle, abi.VTPM_TELL_MORE)):
        program.set(r[index], value)
    program.smc()
    program.move(r[20], r[0])
    disarm_timer(program)
    program.halt()
    program.want((r[20],))
    status = monitor.run(program, Deadline.after(60)).require("being told of an interrupt").r[20]
    return status - (1 << 64) if status >> 63 else status


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


def test_an_instance_is_not_destroyed_while_another_processor_goes_on_with_its_command(
    host_memory: HostMemory,
    engine_layout: patch.EngineLayout,
    service: Service,
    make_vm: Callable[..., VirtualMachine],
    make_vtpm: MakeManagedVtpm,
) -> None:
    engine_layout.plant(host_memory, *COUNT_FOR_EVER)
    vm = make_vm(vcpus=2)
    first = started(make_vtpm(vm))
    second = ManagedQueue.map(first.instance, vm, vcpu=1)
    space, limits = service.memory(), service.limits()
    mark = space.pool + limits.pool_bytes - space.windows * space.window_bytes + patch.WINDOW_MARK
    leave_in_the_middle(first, patch.TRIGGER)
    left_at = host_memory.read(mark, 8)
    program = Program()
    program.set(r[0], second.doorbell)
    program.smc()
    program.halt()
    doorbell = second.agent.start(program, Deadline.after(LONG))
    deadline = Deadline.after(LONG)
    while host_memory.read(mark, 8) == left_at:
        assert not deadline.expired, "the second processor does not go on with it"
    assert first.instance.call(abi.VTPM_FID_DESTROY).status is Status.BUSY
    assert doorbell.wait().ended is ProgramEnd.STOPPED
    first.instance.destroy()


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
    assert go_on(left.instance, abi.VTPM_FID_FORWARD) is Status.OK
    head, tail = struct.unpack("<2I", left.instance.read_queue(abi.VTPM_RING_HEAD, 8))
    assert tail == head


def test_a_hypervisor_that_can_be_told_has_its_processor_back_in_the_middle_of_a_command(
    long_command: bytes, monitor: Monitor, make_vtpm: MakeManagedVtpm
) -> None:
    queue = started(make_vtpm())
    head = queue.control_page().head
    queue.place(head % queue.instance.slots, long_command)
    queue.write(abi.VTPM_RING_HEAD, head + 1)
    assert told(monitor, abi.VTPM_FID_FORWARD, queue.instance.handle) == Status.MORE
    assert queue.control_page().tail == head
    assert go_on(queue.instance, abi.VTPM_FID_FORWARD) is Status.OK
    assert queue.control_page().tail == head + 1
    assert commands.Response.parse(queue.response(head % queue.instance.slots)).code == REFUSED


def test_a_hypervisor_that_can_be_told_has_its_processor_back_in_the_middle_of_a_reset(
    delay: Callable[[str], None], monitor: Monitor, make_vtpm: MakeManagedVtpm
) -> None:
    queue = started(make_vtpm())
    delay("RESET")
    assert told(monitor, abi.VTPM_FID_RESET, queue.instance.handle) == Status.MORE
    assert go_on(queue.instance, abi.VTPM_FID_RESET) is Status.OK
    delay("NONE")
    assert commands.submit(queue, commands.get_random(8)).code == commands.RC_INITIALIZE
    started(queue)
