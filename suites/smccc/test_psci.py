"""PSCI (DEN0022): version and features, the CPUs switched off and on again, and a reset."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from hil.deadline import Deadline
from hil.target.monitor import Landing, Program, r
from hil.target.smccc import PsciCall, Status, signed, smc64

if TYPE_CHECKING:
    from hil.fixtures import Board
    from hil.target.monitor import Monitor

ON, OFF = 0, 1
"""DEN0022, "AFFINITY_INFO": what it returns for a CPU that is on, or off."""

MANDATORY = [
    PsciCall.PSCI_VERSION,
    PsciCall.CPU_SUSPEND,
    PsciCall.CPU_OFF,
    PsciCall.CPU_ON,
    PsciCall.AFFINITY_INFO,
    PsciCall.SYSTEM_OFF,
    PsciCall.SYSTEM_RESET,
    PsciCall.PSCI_FEATURES,
]
WITH_64_BITS = [PsciCall.CPU_SUSPEND, PsciCall.CPU_ON, PsciCall.AFFINITY_INFO]
ONLY_32_BITS = [PsciCall.PSCI_VERSION, PsciCall.CPU_OFF, PsciCall.SYSTEM_OFF, PsciCall.SYSTEM_RESET]
SUSPEND_FLAGS = 0b11
"""DEN0022, "PSCI_FEATURES", for CPU_SUSPEND: bit 0 OS-initiated mode, bit 1 extended format; the others are zero."""
NO_SUCH_CPU = 0xFF_00FF_FFFF
MIGRATE_TYPES = {0, 1, 2}
NO_TRUSTED_OS = 2
RESERVED_POWER_STATE = 1 << 31
RESET_TYPE_RESERVED = 1
"""DEN0022, "SYSTEM_RESET2": of the architectural types, with bit 31 clear, only 0 is defined."""
SETTLED_SECONDS = 2.0
ANSWER_SECONDS = 0.5
"""How long the reset waits: the monitor has to answer the request that started it first."""


def name(call: PsciCall) -> str:
    """Name a parameter."""
    return call.name


def test_the_version_is_a_version(monitor: Monitor, psci_version: tuple[int, int]) -> None:
    """DEN0022, "PSCI_VERSION": major number in bits 31:16, minor number in bits 15:0."""
    assert (0, 2) <= psci_version < (2, 0)
    assert monitor.smc(PsciCall.PSCI_VERSION).x[0] >> 32 == 0


@pytest.mark.usefixtures("psci_features")
@pytest.mark.parametrize("call", MANDATORY, ids=name)
def test_mandatory_calls_are_features(monitor: Monitor, call: PsciCall) -> None:
    """DEN0022, "Implementation responsibilities": the calls that every implementation has."""
    flags = signed(monitor.smc(PsciCall.PSCI_FEATURES, call).x[0])
    assert flags >= 0
    assert not flags & ~(SUSPEND_FLAGS if call is PsciCall.CPU_SUSPEND else 0)


@pytest.mark.usefixtures("psci_features")
@pytest.mark.parametrize("call", WITH_64_BITS, ids=name)
def test_both_forms_of_a_call_are_the_same_feature(monitor: Monitor, call: PsciCall) -> None:
    """DEN0022, "Function prototypes": these calls have forms with 32-bit and with 64-bit arguments."""
    forms = [monitor.smc(PsciCall.PSCI_FEATURES, form).x[0] for form in (call, smc64(call))]
    assert forms[0] == forms[1]


@pytest.mark.usefixtures("psci_features")
@pytest.mark.parametrize("fid", [*map(smc64, ONLY_32_BITS), 0x8400_001F, 0x8600_0000], ids=hex)
def test_what_is_no_call_is_no_feature(monitor: Monitor, fid: int) -> None:
    """DEN0022, "PSCI_FEATURES": NOT_SUPPORTED for a call that is not implemented, or not a call of PSCI."""
    assert signed(monitor.smc(PsciCall.PSCI_FEATURES, fid).x[0]) == Status.NOT_SUPPORTED


def test_each_cpu_is_on(monitor: Monitor, affinities: dict[int, int]) -> None:
    """DEN0022, "AFFINITY_INFO", in both forms."""
    for affinity in affinities.values():
        assert affinity_info(monitor, affinity) == ON
        if affinity >> 32 == 0:
            assert signed(monitor.smc(PsciCall.AFFINITY_INFO, affinity, 0).x[0]) == ON


@pytest.mark.parametrize(("affinity", "level"), [(NO_SUCH_CPU, 0), (0, 4)], ids=["CPU", "level"])
def test_affinity_info_refuses_what_does_not_exist(monitor: Monitor, affinity: int, level: int) -> None:
    """DEN0022, "AFFINITY_INFO": INVALID_PARAMETERS."""
    assert affinity_info(monitor, affinity, level) == Status.INVALID_PARAMETERS


def test_a_cpu_that_is_on_cannot_be_turned_on(monitor: Monitor, affinities: dict[int, int]) -> None:
    """DEN0022, "CPU_ON": ALREADY_ON, for each CPU, the calling one included; and none of them starts again."""
    for affinity in affinities.values():
        assert cpu_on(monitor, affinity, 0) == Status.ALREADY_ON
    assert monitor.cpus() == tuple(affinities)


def test_a_cpu_that_does_not_exist_cannot_be_turned_on(monitor: Monitor) -> None:
    """DEN0022, "CPU_ON": INVALID_PARAMETERS."""
    assert cpu_on(monitor, NO_SUCH_CPU, 0) == Status.INVALID_PARAMETERS


def test_each_cpu_can_be_switched_off_and_on_again(monitor: Monitor, affinities: dict[int, int]) -> None:
    """DEN0022, "CPU_OFF", "CPU_ON", "AFFINITY_INFO": twice, since the second time starts from what the first left."""
    others = [index for index in affinities if index]
    if not others:
        pytest.skip("this board has one CPU, which runs the monitor's shell")
    for index in others * 2:
        assert monitor.turn_off(index) == Status.SUCCESS
        assert affinity_info(monitor, affinities[index]) == OFF
        assert index not in monitor.cpus()
        assert monitor.turn_on(index) == Status.SUCCESS
        assert affinity_info(monitor, affinities[index]) == ON
    assert monitor.cpus() == tuple(affinities)


def test_all_cpus_but_one_can_be_off_at_once(monitor: Monitor, affinities: dict[int, int]) -> None:
    """DEN0022, "CPU_OFF": each CPU on its own, in any order."""
    others = [index for index in affinities if index]
    for index in others:
        assert monitor.turn_off(index) == Status.SUCCESS
    assert monitor.cpus() == (0,)
    assert {affinity_info(monitor, affinities[index]) for index in others} <= {OFF}
    for index in reversed(others):
        assert monitor.turn_on(index) == Status.SUCCESS
    assert monitor.cpus() == tuple(affinities)


def test_a_cpu_starts_as_specified(monitor: Monitor, affinities: dict[int, int]) -> None:
    """DEN0022, "CPU_ON" and "Initial Core Configuration".

    The context is in x0; the CPU is at the level of the caller, with MMU and data cache off and interrupts masked.
    """
    landing = Landing(monitor)
    for index, affinity in affinities.items():
        if index == 0:
            continue
        assert monitor.turn_off(index) == Status.SUCCESS
        context = 0xC0FF_EE00_0000_0000 | index
        assert cpu_on(monitor, affinity, landing.entry, context) == Status.SUCCESS
        end = time.monotonic() + SETTLED_SECONDS
        while (state := affinity_info(monitor, affinity)) != OFF and time.monotonic() < end:
            pass
        assert state == OFF
        found = landing.read()
        assert found.context == context
        assert found.level == 2
        assert found.affinity == affinity
        assert not found.mmu
        assert not found.data_cache
        assert found.all_masked
        assert monitor.turn_on(index) == Status.SUCCESS


@pytest.mark.parametrize("form", [PsciCall.CPU_SUSPEND, smc64(PsciCall.CPU_SUSPEND)], ids=["32 bits", "64 bits"])
def test_a_power_state_with_a_reserved_bit_is_refused(monitor: Monitor, form: int) -> None:
    """DEN0022, "CPU_SUSPEND": bit 31 of the power state is reserved in both formats; INVALID_PARAMETERS."""
    assert signed(monitor.smc(form, RESERVED_POWER_STATE).x[0]) == Status.INVALID_PARAMETERS


def test_migration_is_as_the_kind_of_trusted_os_says(monitor: Monitor) -> None:
    """DEN0022, "MIGRATE_INFO_TYPE" and "MIGRATE": without a Trusted OS that must migrate, MIGRATE is not supported."""
    kind = signed(monitor.smc(PsciCall.MIGRATE_INFO_TYPE).x[0])
    assert kind in MIGRATE_TYPES | {Status.NOT_SUPPORTED}
    if kind in {NO_TRUSTED_OS, Status.NOT_SUPPORTED}:
        assert signed(monitor.smc(smc64(PsciCall.MIGRATE), 0).x[0], 64) == Status.NOT_SUPPORTED


@pytest.mark.usefixtures("psci_features")
def test_a_reserved_type_of_reset_is_refused(monitor: Monitor) -> None:
    """DEN0022, "SYSTEM_RESET2": INVALID_PARAMETERS, and the system goes on."""
    if signed(monitor.smc(PsciCall.PSCI_FEATURES, PsciCall.SYSTEM_RESET2).x[0]) < 0:
        pytest.skip("this firmware has no SYSTEM_RESET2, which is optional")
    assert signed(monitor.smc(PsciCall.SYSTEM_RESET2, RESET_TYPE_RESERVED).x[0]) == Status.INVALID_PARAMETERS


@pytest.mark.cold_boot
def test_a_reset_boots_the_board_again(cold_board: Board) -> None:
    """DEN0022, "SYSTEM_RESET": the board starts anew, and comes up as after a power cycle."""
    cold_board.transition("monitor")
    monitor: Monitor = cold_board.strategy.shell.monitor
    cpus = monitor.cpus()
    first = monitor.create_vm().id
    program = Program()
    program.data(r[2])
    program.set(r[3], 1)
    program.await_at_least(r[2], r[3], int(ticks_per_second(monitor) * ANSWER_SECONDS))  # nobody writes there
    program.set(r[0], PsciCall.SYSTEM_RESET)
    program.smc()
    program.halt()
    with cold_board.strategy.expecting_reboot():
        monitor.cpu(cpus[-1]).start(program, Deadline.after(5.0))
    again: Monitor = cold_board.strategy.shell.connect(Deadline.after(30.0))
    assert again.cpus() == cpus
    assert again.create_vm().id == first


def ticks_per_second(monitor: Monitor) -> int:
    """Return the frequency of the generic timer in Hz."""
    program = Program()
    program.mrs(r[0], "CNTFRQ_EL0")
    program.halt()
    return monitor.run(program).require().r[0]


def affinity_info(monitor: Monitor, affinity: int, level: int = 0) -> int:
    """Call AFFINITY_INFO in the form that takes affinity 3, too."""
    return signed(monitor.smc(smc64(PsciCall.AFFINITY_INFO), affinity, level).x[0])


def cpu_on(monitor: Monitor, affinity: int, entry: int, context: int = 0) -> int:
    """Call CPU_ON in its form with 64-bit arguments."""
    return signed(monitor.smc(smc64(PsciCall.CPU_ON), affinity, entry, context).x[0])
