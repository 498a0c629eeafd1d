"""CPUs that are switched off and on again by PSCI, and the head of the image by which U-Boot starts it."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from hil.deadline import Deadline
from hil.target.monitor import Landing, MonitorRefused, Program, r
from hil.target.smccc import PsciCall, Status, smc64
from tests.target.monitor.programs import endless

if TYPE_CHECKING:
    from pathlib import Path

    from hil.target.monitor import Monitor

ALL = (0, 1, 2, 3)
OFF = 1
BASE_IN_DRAM = 0x200_0000
"""PLAT_MONITOR_BASE of qemu-virt, from the start of DRAM on."""


@pytest.mark.emulator
def test_a_cpu_that_was_switched_off_and_on_again_runs_programs(monitor: Monitor) -> None:
    assert monitor.cpus() == ALL
    assert monitor.turn_off(2) == Status.SUCCESS
    assert monitor.cpus() == (0, 1, 3)
    assert monitor.smc(smc64(PsciCall.AFFINITY_INFO), 2, 0).x[0] == OFF
    with pytest.raises(MonitorRefused, match="no such CPU"):
        monitor.cpu(2).read(0, 8)
    assert monitor.turn_on(2) == Status.SUCCESS
    assert monitor.cpus() == ALL
    program = Program()
    program.mrs(r[0], "MPIDR_EL1")
    program.halt()
    assert monitor.cpu(2).run(program).require().r[0] & 0xFF == 2


@pytest.mark.emulator
def test_vms_run_on_the_cpus_that_are_left(monitor: Monitor) -> None:
    assert [monitor.turn_off(index) for index in (1, 3)] == [Status.SUCCESS, Status.SUCCESS]
    vm = monitor.create_vm(vcpus=2)
    vm.agent().write(vm.free_ipa, b"alone")
    assert vm.agent().read(vm.free_ipa, 5) == b"alone"
    vm.destroy()
    assert [monitor.turn_on(index) for index in (3, 1)] == [Status.SUCCESS, Status.SUCCESS]
    assert monitor.cpus() == ALL


@pytest.mark.emulator
@pytest.mark.parametrize("index", [0, 4])
def test_the_cpu_that_answers_stays_on_and_others_do_not_exist(monitor: Monitor, index: int) -> None:
    with pytest.raises(MonitorRefused, match="argument"):
        monitor.turn_off(index)
    with pytest.raises(MonitorRefused, match="argument"):
        monitor.turn_on(index)


@pytest.mark.emulator
def test_a_cpu_that_runs_a_program_is_not_switched_off(monitor: Monitor) -> None:
    pending = monitor.cpu(1).start(endless(), Deadline.after(0.3))
    with pytest.raises(MonitorRefused, match="busy"):
        monitor.turn_off(1)
    pending.wait()
    assert monitor.turn_off(1) == Status.SUCCESS
    assert monitor.turn_on(1) == Status.SUCCESS


@pytest.mark.emulator
def test_a_cpu_that_lands_says_how_it_was_started(monitor: Monitor) -> None:
    landing = Landing(monitor)
    assert monitor.turn_off(3) == Status.SUCCESS
    monitor.smc(smc64(PsciCall.CPU_ON), 3, landing.entry, 0x1234)
    deadline = Deadline.after(5)
    while monitor.smc(smc64(PsciCall.AFFINITY_INFO), 3, 0).x[0] != OFF:
        assert deadline.remaining
    found = landing.read()
    assert (found.context, found.level, found.affinity, found.mmu) == (0x1234, 2, 3, False)
    assert monitor.turn_on(3) == Status.SUCCESS


def test_the_image_begins_as_a_kernel_does(image: Path) -> None:
    content = image.read_bytes()
    _, _, offset, size, flags = struct.unpack_from("<IIQQQ", content)
    assert content[56:60] == b"ARM\x64"
    assert offset == BASE_IN_DRAM
    assert size > len(content)
    assert flags == 0
