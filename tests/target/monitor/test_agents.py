"""Agents beside each other, and agents that run away."""

from __future__ import annotations

import struct

import pytest

from hil.deadline import Deadline
from hil.target.monitor import Monitor, MonitorRefused, Program, ProgramEnd, Runner, TargetFault, VirtualMachine, abi, r
from tests.target.monitor.programs import current_el, deaf, endless, meeting

pytestmark = pytest.mark.emulator


def test_monitor_runs_at_el2_and_agents_at_el1(monitor: Monitor, vm: VirtualMachine) -> None:
    assert current_el(monitor) == 2
    assert [current_el(monitor.cpu(index)) for index in range(4)] == [2] * 4
    assert [current_el(vm.agent(index)) for index in range(3)] == [1] * 3


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


def test_an_endless_program_ends_at_its_deadline(runner: Runner) -> None:
    outcome = runner.run(endless(), Deadline.after(1))
    assert outcome.ended == ProgramEnd.DEADLINE
    assert outcome.steps > 100


def test_an_agent_that_hears_nothing_is_stopped_and_starts_afresh(vm: VirtualMachine) -> None:
    agent = vm.agent()
    agent.map(0x1_0000_0000, vm.free_ipa, 4096)
    outcome = agent.run(deaf(), Deadline.after(1))
    assert outcome.ended == ProgramEnd.STOPPED
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
    assert agent.run(program, Deadline.after(1)).ended == ProgramEnd.STOPPED
    assert current_el(agent) == 1


def test_more_running_agents_than_cpus_are_refused(vm: VirtualMachine, monitor: Monitor) -> None:
    fourth = monitor.create_vm()
    pending = [vm.agent(index).start(endless(), Deadline.after(1)) for index in range(3)]
    with pytest.raises(MonitorRefused, match="every CPU"):
        fourth.agent().start(endless())
    assert [each.wait().ended for each in pending] == [ProgramEnd.DEADLINE] * 3
    assert current_el(fourth.agent()) == 1
    fourth.destroy()
