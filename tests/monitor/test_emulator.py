"""The monitor and its guests on an emulator."""

from __future__ import annotations

import struct
import threading
from typing import TYPE_CHECKING

import pytest

from hil.deadline import Deadline
from hil.errors import UsageError
from hil.monitor import Ended, Monitor, MonitorRefused, Program, Runner, TargetFault, VirtualMachine, a64, abi, r

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import SocketStream

pytestmark = pytest.mark.emulator

PSCI_VERSION = 0x8400_0000
SECURE_SRAM = 0x0E00_0000
FREE_RAM = 0x43FF_0000
UART = 0x0900_0000
EL1_FAULT, EL2_FAULT = 1, 2
TRANSLATION, PERMISSION, EXTERNAL = 0x04, 0x0C, 0x10


@pytest.fixture
def vm(monitor: Monitor) -> Iterator[VirtualMachine]:
    vm = monitor.create_vm(vcpus=3)
    yield vm
    vm.destroy()


@pytest.fixture(params=["EL2", "EL1"])
def runner(request: pytest.FixtureRequest, monitor: Monitor, vm: VirtualMachine) -> Runner:
    return monitor if request.param == "EL2" else vm.agent()


def current_el(runner: Runner) -> int:
    program = Program()
    program.mrs(r[1], "CurrentEL")
    program.halt()
    return runner.run(program).require().r[1] >> 2


def status(fault: TargetFault) -> int:
    return fault.esr & 0x3C


def test_monitor_runs_at_el2_and_agents_at_el1(monitor: Monitor, vm: VirtualMachine) -> None:
    assert current_el(monitor) == 2
    assert [current_el(monitor.cpu(index)) for index in range(4)] == [2] * 4
    assert [current_el(vm.agent(index)) for index in range(3)] == [1] * 3


def test_arithmetic_is_that_of_64_bit_registers(runner: Runner) -> None:
    program = Program()
    program.set(r[0], -3)
    program.add(r[1], r[0], 5)
    program.sub(r[2], r[0], r[1])
    program.mul(r[3], r[1], -7)
    program.set(r[4], 100)
    program.div(r[5], r[4], 7)
    program.rem(r[6], r[4], 7)
    program.div(r[7], r[4], 0)
    program.rem(r[8], r[4], r[9])
    program.and_(r[10], r[4], 0x6)
    program.or_(r[11], r[4], 0x3)
    program.xor(r[12], r[4], r[0])
    program.shift_left(r[13], r[4], 60)
    program.shift_right(r[14], r[0], 60)
    program.shift_left(r[15], r[4], 64)
    program.halt(42)
    outcome = runner.run(program).require()
    wrap = (1 << 64) - 1
    expected = (-3, 2, -5, -14, 100, 14, 2, 0, 100, 0, 4, 0x67, 100 ^ -3, 100 << 60, 15, 0)
    assert outcome.r[:16] == tuple(value & wrap for value in expected)
    assert outcome.code == 42


@pytest.mark.parametrize(
    ("left", "condition", "right", "taken"),
    [
        (1, "==", 1, True),
        (1, "!=", 1, False),
        (-1, "<", 1, False),
        (-1, "signed <", 1, True),
        (1, ">=", 1, True),
        (-1, "signed >=", 0, False),
    ],
)
def test_branches_compare_unsigned_unless_told(
    monitor: Monitor, left: int, condition: object, right: int, taken: bool
) -> None:
    program = Program()
    program.set(r[0], left)
    program.branch(r[0], condition, right, "taken")  # type: ignore[arg-type]
    program.halt(0)
    program.label("taken")
    program.halt(1)
    assert monitor.run(program).require().code == taken


def test_a_loop_runs_as_often_as_its_counter_says(runner: Runner) -> None:
    program = Program()
    program.set(r[0], 1000)
    program.label("again")
    program.add(r[1], r[1], 3)
    program.loop(r[0], "again")
    program.halt()
    outcome = runner.run(program).require()
    assert outcome.r[1] == 3000
    assert outcome.steps == 2002


@pytest.mark.parametrize("length", [1, 2, 4, 7, 8, 100, 4096, abi.AGENT_DATA_BYTES + 5])
def test_memory_reads_as_written(monitor: Monitor, length: int) -> None:
    data = bytes(index * 7 & 0xFF for index in range(length))
    monitor.write(FREE_RAM, data + b"end")
    assert monitor.read(FREE_RAM, length) == data


def test_loads_and_stores_have_the_width_asked_for(runner: Runner) -> None:
    program = Program()
    program.put(b"\xff" * 32)
    program.data(r[0])
    program.set(r[1], 0x1122334455667788)
    for at, size in ((0, 1), (8, 2), (16, 4), (24, 8)):
        program.store(r[1], r[0], at, size=size)
        program.load(r[size + 1], r[0], at, size=size)
    program.halt()
    program.want(size=32)
    outcome = runner.run(program).require()
    assert [outcome.r[size + 1] for size in (1, 2, 4, 8)] == [0x88, 0x7788, 0x55667788, 0x1122334455667788]
    f = b"\xff"
    assert outcome.data == b"\x88" + 7 * f + b"\x88\x77" + 6 * f + b"\x88\x77\x66\x55" + 4 * f + bytes.fromhex(
        "8877665544332211"
    )


def test_blocks_can_be_filled_compared_and_searched(runner: Runner) -> None:
    program = Program()
    program.put(struct.pack("<4Q", 1, 2, 3, 4))
    program.data(r[0])
    program.data(r[1], 64)
    program.copy(r[1], r[0], 32)
    program.set(r[2], 3)
    program.find(r[2], r[1], 32)
    program.set(r[3], 9)
    program.find(r[3], r[1], 32)
    program.move(r[4], r[0])
    program.differ(r[4], r[1], 32)
    program.add(r[5], r[1], 13)
    program.fill(r[5], r[2], 2)
    program.move(r[6], r[0])
    program.differ(r[6], r[1], 32)
    program.halt()
    outcome = runner.run(program).require()
    none = (1 << 64) - 1
    assert outcome.r[2:5] == (16, none, none)
    assert outcome.r[6] == 13


def test_the_data_area_is_kept_and_returned_as_long_as_a_register_says(runner: Runner) -> None:
    first = Program()
    first.put(b"kept for later")
    first.halt()
    runner.run(first).require()
    second = Program()
    second.set(r[7], 4)
    second.halt()
    second.want((), offset=5, size=100, length=r[7])
    assert runner.run(second).require().data == b"for "


def test_a_call_carries_x0_to_x30_both_ways(monitor: Monitor, vm: VirtualMachine) -> None:
    """PSCI by HVC is answered by EL2 in x0 and touches nothing else."""
    program = Program()
    for index in range(1, 31):
        program.set(r[index], 0x1111_1111_1111_1111 * index & (1 << 64) - 1)
    program.set(r[0], PSCI_VERSION)
    program.hvc()
    program.halt()
    registers = vm.agent().run(program).require().r
    assert registers[0] == 0x1_0001
    assert registers[1:31] == tuple(0x1111_1111_1111_1111 * index & (1 << 64) - 1 for index in range(1, 31))
    assert monitor.smc(PSCI_VERSION, 5, 6).x[0] >= 0x1_0000


def test_a_fault_at_el2_is_an_outcome_and_the_monitor_goes_on(monitor: Monitor) -> None:
    for _ in range(3):
        with pytest.raises(TargetFault) as caught:
            monitor.read(SECURE_SRAM, 8)
        assert (caught.value.el, caught.value.far) == (EL2_FAULT, SECURE_SRAM)
        assert caught.value.esr & 0x3F == EXTERNAL
        with pytest.raises(TargetFault) as caught:
            monitor.write(SECURE_SRAM, bytes(8))
        assert caught.value.esr & 1 << 6
    assert monitor.read(FREE_RAM, 1)


def test_an_undefined_instruction_is_reported_with_its_place(runner: Runner) -> None:
    program = Program()
    program.set(r[0], 1)
    program.mrs(r[1], "SCR_EL3")
    program.halt()
    outcome = runner.run(program)
    assert (outcome.ended, outcome.pc) == (Ended.FAULTED, 1)
    assert outcome.fault is not None
    assert outcome.fault.esr >> 26 == 0


def test_a_program_can_go_on_after_a_fault(runner: Runner) -> None:
    program = Program()
    program.on_fault("caught")
    program.set(r[0], 2)
    program.label("again")
    program.set(r[1], 0xFFF0_0000_0000)
    program.load(r[2], r[1])
    program.halt(1)
    program.label("caught")
    program.fault(r[3], "far")
    program.fault(r[4], "count")
    program.loop(r[0], "again")
    program.halt(2)
    outcome = runner.run(program).require()
    assert outcome.code == 2
    assert outcome.r[3:5] == (0xFFF0_0000_0000, 2)


@pytest.mark.parametrize("broken", ["op", "register", "end"])
def test_a_malformed_program_is_refused_where_it_is_malformed(runner: Runner, broken: str) -> None:
    program = Program()
    program.set(r[0], 1)
    if broken == "op":
        program._add(abi.AGENT_OPS)
    if broken == "register":
        program._lines.append((abi.AGENT_OP_SET, 32, 0, 0, 0, 0))
    outcome = runner.run(program)
    assert (outcome.ended, outcome.pc) == (Ended.BAD, 1)
    with pytest.raises(UsageError):
        outcome.require()


def test_machine_code_in_the_data_area_runs(runner: Runner) -> None:
    # add x0, x0, x1; ret
    program = Program()
    program.put(struct.pack("<II", 0x8B010000, a64.RET))
    program.set(r[0], 40)
    program.set(r[1], 2)
    program.data(r[2])
    program.call(r[2])
    program.halt()
    assert runner.run(program).require().r[0] == 42


def test_fp_state_is_the_agent_s_own(vm: VirtualMachine, monitor: Monitor) -> None:
    other = monitor.create_vm()
    states = {}
    agents = (vm.agent(0), vm.agent(1), other.agent())
    for number, agent in enumerate(agents):
        state = bytes(number * 80 + index & 0xFF for index in range(512)) + struct.pack("<QQ", number << 22, number)
        load = Program()
        load.put(state)
        load.data(r[0])
        load.fp_load(r[0])
        load.halt()
        agent.run(load).require()
        states[agent] = state
    for agent in agents:
        store = Program()
        store.data(r[0], 1024)
        store.fp_store(r[0])
        store.halt()
        store.want((), offset=1024, size=abi.AGENT_FP_BYTES)
        assert agent.run(store).require().data == states[agent]
    other.destroy()


def test_stage_1_and_stage_2_decide_what_an_agent_reaches(vm: VirtualMachine, monitor: Monitor) -> None:
    agent, va, ipa = vm.agent(), 0x1_0000_0000, 0x8000_0000
    monitor.write(FREE_RAM, b"shared page")
    with pytest.raises(TargetFault) as caught:
        agent.read(va, 8)
    assert (caught.value.el, status(caught.value)) == (EL1_FAULT, TRANSLATION)
    agent.map(va, ipa, 4096)
    with pytest.raises(TargetFault) as caught:
        agent.read(va, 8)
    assert (caught.value.el, status(caught.value), caught.value.taken.ipa) == (EL2_FAULT, TRANSLATION, ipa)
    vm.map(ipa, FREE_RAM, 4096, writable=False)
    assert agent.read(va, 11) == b"shared page"
    with pytest.raises(TargetFault) as caught:
        agent.write(va, b"x")
    assert (caught.value.el, status(caught.value)) == (EL2_FAULT, PERMISSION)
    vm.map(ipa, FREE_RAM, 4096)
    agent.write(va, b"S")
    assert monitor.read(FREE_RAM, 6) == b"Shared"
    agent.map(va, ipa, 4096, writable=False)
    with pytest.raises(TargetFault) as caught:
        agent.write(va, b"x")
    assert (caught.value.el, status(caught.value)) == (EL1_FAULT, PERMISSION)
    vm.unmap(ipa, 4096)
    with pytest.raises(TargetFault):
        agent.read(va, 1)
    agent.unmap(va, 4096)
    with pytest.raises(TargetFault) as caught:
        agent.read(va, 1)
    assert caught.value.el == EL1_FAULT


def test_device_mappings_reach_devices(vm: VirtualMachine) -> None:
    agent = vm.agent()
    vm.map(0x9000_0000, UART, 4096, device=True)
    agent.map(0x1_0000_0000, 0x9000_0000, 4096, device=True)
    assert agent.read(0x1_0000_0000 + 0xFE0, 4) == b"\x11\0\0\0"  # PL011 peripheral ID 0


@pytest.mark.parametrize(("va", "length"), [(1, 4096), (0x1000, 1), (1 << 39, 4096), (0x1000, 0)])
def test_impossible_mappings_are_refused(vm: VirtualMachine, va: int, length: int) -> None:
    with pytest.raises(UsageError):
        vm.agent().map(va, 0x8000_0000, length)
    with pytest.raises(MonitorRefused):
        vm.map(va, FREE_RAM, length)


def test_translation_can_be_asked_for(vm: VirtualMachine) -> None:
    agent, va = vm.agent(), 0x1_0000_0000
    agent.map(va, vm.free_ipa, 4096)
    program = Program()
    program.set(r[1], va)
    program.translate(r[1], "AT S1E1R")
    program.set(r[2], va + 4096)
    program.translate(r[2], "AT S1E1R")
    program.halt()
    good, bad = agent.run(program).require().r[1:3]
    assert good & 1 == 0
    assert good & 0xFFFF_FFFF_F000 == vm.free_ipa
    assert bad & 1 == 1


def test_vcpus_share_memory_and_not_address_spaces(vm: VirtualMachine) -> None:
    vm.agent(0).write(vm.free_ipa, b"from vCPU 0")
    assert vm.agent(1).read(vm.free_ipa, 11) == b"from vCPU 0"
    vm.agent(0).map(0x1_0000_0000, vm.free_ipa, 4096)
    with pytest.raises(TargetFault):
        vm.agent(1).read(0x1_0000_0000, 1)


def test_vms_share_nothing(vm: VirtualMachine, monitor: Monitor) -> None:
    other = monitor.create_vm()
    assert (other.ram_ipa, other.ram_pa != vm.ram_pa, other.stage2_base != vm.stage2_base) == (vm.ram_ipa, True, True)
    vm.agent().write(vm.free_ipa, b"mine")
    assert other.agent().read(other.free_ipa, 4) == bytes(4)
    assert monitor.read(vm.ram_pa + vm.free_ipa - vm.ram_ipa, 4) == b"mine"
    other.destroy()


def test_a_new_vm_finds_nothing_of_the_one_before(monitor: Monitor) -> None:
    old = monitor.create_vm()
    old.agent().write(old.free_ipa, b"secret" * 100)
    old.destroy()
    new = monitor.create_vm()
    assert new.ram_pa == old.ram_pa
    assert new.agent().read(new.free_ipa, 600) == bytes(600)
    new.destroy()


def meeting(address: int, agents: int) -> Program:
    """Arrive, wait for the others, and leave word of it."""
    program = Program()
    program.set(r[0], address)
    program.fetch_add(r[1], r[0], 1)
    program.set(r[2], agents)
    program.move(r[3], r[0])
    program.await_at_least(r[3], r[2], 10_000_000_000)
    program.halt()
    return program


def test_three_agents_run_at_the_same_time(vm: VirtualMachine) -> None:
    program = meeting(vm.free_ipa, 3)
    pending = [vm.agent(index).start(program) for index in range(3)]
    outcomes = [each.wait().require() for each in pending]
    assert sorted(outcome.r[1] for outcome in outcomes) == [0, 1, 2]
    assert [outcome.r[3] for outcome in outcomes] == [1, 1, 1]


def test_an_agent_and_the_monitor_meet(vm: VirtualMachine, monitor: Monitor) -> None:
    pending = vm.agent().start(meeting(vm.free_ipa, 2))
    monitor.run(meeting(vm.ram_pa + vm.free_ipa - vm.ram_ipa, 2)).require()
    assert pending.wait().require().r[3] == 1


def test_waiting_for_nobody_ends(vm: VirtualMachine) -> None:
    program = Program()
    program.set(r[0], vm.free_ipa)
    program.set(r[1], 1)
    program.await_at_least(r[0], r[1], 1000)
    program.halt()
    assert vm.agent().run(program).require().r[0] == 0


def test_atomic_increments_of_racing_agents_all_count(vm: VirtualMachine) -> None:
    def adding(step: int) -> Program:
        program = meeting(vm.free_ipa, 2)
        program._lines.pop()
        program.set(r[4], 2000)
        program.add(r[0], r[0], 8)
        program.label("again")
        program.fetch_add(r[1], r[0], step)
        program.loop(r[4], "again")
        program.halt()
        return program

    pending = [vm.agent(0).start(adding(1)), vm.agent(1).start(adding(1000))]
    for each in pending:
        each.wait().require()
    assert int.from_bytes(vm.agent(2).read(vm.free_ipa + 8, 4), "little") == 2000 * 1001


def endless() -> Program:
    program = Program()
    program.label("again")
    program.jump("again")
    return program


def deaf() -> Program:
    """Machine code that branches to itself: the interpreter never sees its deadline."""
    program = Program()
    program.put(struct.pack("<I", 0x14000000))
    program.data(r[0])
    program.call(r[0])
    return program


def test_an_endless_program_ends_at_its_deadline(runner: Runner) -> None:
    outcome = runner.run(endless(), Deadline.after(0.4))
    assert outcome.ended == Ended.DEADLINE
    assert outcome.steps > 100


def test_an_agent_that_hears_nothing_is_stopped_and_starts_afresh(vm: VirtualMachine) -> None:
    agent = vm.agent()
    agent.map(0x1_0000_0000, vm.free_ipa, 4096)
    outcome = agent.run(deaf(), Deadline.after(0.4))
    assert outcome.ended == Ended.STOPPED
    assert outcome.fault is not None
    assert vm.ram_ipa <= outcome.fault.elr < vm.ram_ipa + vm.ram_bytes
    assert agent.run(meeting(vm.free_ipa, 1)).require().r[3] == 1
    with pytest.raises(TargetFault):
        agent.read(0x1_0000_0000, 1)


def test_an_agent_that_cuts_its_own_branch_is_stopped(vm: VirtualMachine) -> None:
    agent = vm.agent(1)
    program = Program()
    program.set(r[0], vm.ram_ipa)
    program.unmap(r[0], abi.GUEST_IMAGE_BYTES)
    program.halt()
    assert agent.run(program, Deadline.after(0.4)).ended == Ended.STOPPED
    assert current_el(agent) == 1


def test_a_busy_agent_refuses_and_its_vm_cannot_be_destroyed(vm: VirtualMachine) -> None:
    pending = vm.agent().start(endless(), Deadline.after(1))
    with pytest.raises(MonitorRefused, match="busy"):
        vm.agent().start(endless())
    with pytest.raises(MonitorRefused, match="busy"):
        vm.destroy()
    assert pending.wait().ended == Ended.DEADLINE


def test_more_running_agents_than_cpus_are_refused(vm: VirtualMachine, monitor: Monitor) -> None:
    fourth = monitor.create_vm()
    pending = [vm.agent(index).start(endless(), Deadline.after(1)) for index in range(3)]
    with pytest.raises(MonitorRefused, match="every CPU"):
        fourth.agent().start(endless())
    assert [each.wait().ended for each in pending] == [Ended.DEADLINE] * 3
    assert current_el(fourth.agent()) == 1
    fourth.destroy()


def test_smcs_trap_only_when_the_vm_says_so_and_nothing_else_traps(vm: VirtualMachine) -> None:
    agent = vm.agent()
    assert agent.smc(PSCI_VERSION).x[0] >= 0x1_0000
    agent.write(vm.free_ipa, b"x" * 5000)
    assert vm.traps() == 0
    vm.trap_smc = True
    assert agent.smc(PSCI_VERSION).x[0] == (1 << 64) - 1
    assert (vm.traps(), vm.smc_traps()) == (1, 1)
    vm.trap_smc = False
    assert agent.smc(PSCI_VERSION).x[0] >= 0x1_0000
    assert vm.smc_traps() == 1


def test_vmid_and_stage_2_base_are_what_el3_would_see(vm: VirtualMachine, monitor: Monitor) -> None:
    twin = monitor.create_vm(vmid=vm.vmid)
    assert twin.vmid == vm.vmid
    pending = twin.agent().start(meeting(twin.free_ipa, 2))
    program = Program()
    program.mrs(r[1], "VTTBR_EL2")
    program.halt()
    seen = []
    for index in range(1, 4):
        try:
            seen.append(monitor.cpu(index).run(program).require().r[1])
        except MonitorRefused:
            continue
    monitor.run(meeting(twin.ram_pa + twin.free_ipa - twin.ram_ipa, 2)).require()
    pending.wait().require()
    seen = [monitor.cpu(index).run(program).require().r[1] for index in range(1, 4)]
    assert twin.vmid << 48 | twin.stage2_base in seen
    twin.destroy()


def test_three_hundred_vms_live_and_all_of_them_answer(monitor: Monitor) -> None:
    vms = [monitor.create_vm() for _ in range(300)]
    assert len({vm.stage2_base for vm in vms}) == len({vm.vmid for vm in vms}) == len({vm.ram_pa for vm in vms}) == 300
    for number in (0, 150, 299):
        vms[number].agent().write(vms[number].free_ipa, bytes([number & 0xFF]))
    assert [vms[number].agent().read(vms[number].free_ipa, 1)[0] for number in (0, 150, 299)] == [0, 150, 299 & 0xFF]
    for vm in vms:
        vm.destroy()


def test_running_out_of_ram_is_refused_and_leaks_nothing(monitor: Monitor) -> None:
    for _ in range(3):
        big = monitor.create_vm(ram_bytes=0x800_0000)
        with pytest.raises(MonitorRefused, match="space"):
            monitor.create_vm(ram_bytes=0x800_0000)
        assert current_el(big.agent()) == 1
        big.destroy()


@pytest.mark.parametrize(
    ("ram", "vcpus", "vmid"), [(0, 1, 1), (5, 1, 1), (0x80000, 0, 1), (0x80000, 4, 1), (0x80000, 1, 1 << 16)]
)
def test_impossible_vms_are_refused(monitor: Monitor, ram: int, vcpus: int, vmid: int) -> None:
    with pytest.raises(MonitorRefused, match="argument"):
        monitor.create_vm(ram_bytes=ram, vcpus=vcpus, vmid=vmid)


def test_a_destroyed_vm_and_its_agents_are_gone(monitor: Monitor) -> None:
    vm = monitor.create_vm()
    agent = vm.agent()
    vm.destroy()
    with pytest.raises(MonitorRefused, match="no such"):
        agent.read(0x4000_0000, 1)
    with pytest.raises(MonitorRefused, match="no such"):
        vm.destroy()


def test_a_person_gets_words(monitor: Monitor, console: SocketStream) -> None:
    def typed(line: bytes) -> str:
        console.send(line + b"\r")
        heard = b""
        while not heard.endswith(b"monitor> "):
            heard += console.receive(Deadline.after(5))
        return heard.decode()

    assert "smc <function>" in typed(b"help")
    assert "x0=1000" in typed(b"smc 84000000")
    assert "fault esr=" in typed(b"read %x 8" % SECURE_SRAM)
    assert "unknown" in typed(b"nonsense")
    assert "usage" in typed(b"read zz")
    assert "4 5" not in typed(b"writ\x7f\x7f\x7f\x7fvm")
    monitor.wait_ready(Deadline.after(5))


def test_a_person_s_unfinished_line_does_not_spoil_a_request(monitor: Monitor, console: SocketStream) -> None:
    console.send(b"write 43ff0000 ")
    assert monitor.smc(PSCI_VERSION).x[0] >= 0x1_0000


def test_a_damaged_request_is_refused_and_not_executed(monitor: Monitor, console: SocketStream) -> None:
    monitor.write(FREE_RAM, b"before")
    console.send(b":77 destroy 1 *00000000\n")
    heard = b""
    while b"\n" not in heard:
        heard += console.receive(Deadline.after(5))
    assert heard.startswith(b"=0 nak *")
    assert monitor.read(FREE_RAM, 6) == b"before"


def test_nothing_is_lost_while_cpu_0_waits_for_an_agent(
    vm: VirtualMachine, monitor: Monitor, console: SocketStream
) -> None:
    """A long request arrives while another one is being waited for."""
    pending = vm.agent().start(endless(), Deadline.after(0.8))
    writer = threading.Thread(target=console.send, args=(b"x" * 20000 + b"\n",))
    outcome = None
    writer.start()
    outcome = pending.wait()
    writer.join(10)
    assert outcome.ended == Ended.DEADLINE
    assert monitor.read(FREE_RAM, 4)
