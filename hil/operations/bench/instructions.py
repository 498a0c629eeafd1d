"""Counts the instructions of TPM commands, and the secure memory of instances.

QEMU's `-icount shift=0` advances the virtual clock by 1 ns per instruction, and the counter of `-cpu max` runs at
1 GHz: CNTPCT_EL0 and CNTVCT_EL0 count instructions, exactly and repeatably.
"""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labgrid import Environment

from hil.errors import FirmwareError, InfrastructureError
from hil.operations.bench.figures import Goal, Row, Section, Series
from hil.target.monitor import Program, r
from hil.target.tpm import commands
from hil.target.tpm.key import storage_template
from hil.target.vtpm import ManagedQueue, Service, abi
from hil.target.vtpm.queue import buffer_offset, entry_offset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from hil.target.monitor import Monitor

ICOUNT = "shift=0"
COUNTER_HZ = 1_000_000_000
REPEATS = 5
TRANSPORT_TARGET = 5_000
SWITCH_TARGET = 2_000
EXTRA_INSTANCES = 4
_CREATE_PRIMARY_ECC = commands.create_primary(storage_template("ecc").marshal())


@dataclass(frozen=True, slots=True)
class Cost:
    """The instructions of one command: in the guest, at EL3 outside of the engine, in the engine; and traps to EL2."""

    guest: int
    transport: int
    engine: int
    switching: int
    smc_traps: int


def measure(board: Path, note: Callable[[str], None]) -> tuple[Section, Section]:
    """Return the cost of commands, and of instances, on the emulated board of file `board`."""
    with counting(board, note) as monitor:
        return _commands(monitor, note), _memory(Service(monitor), note)


@contextmanager
def counting(board: Path, note: Callable[[str], None]) -> Iterator[Monitor]:
    """Boot a board whose counter counts instructions, and switch it off afterwards."""
    target = Environment(str(board)).get_target("main")
    strategy = target.get_driver("BoardStrategy", activate=False)
    driver = target.get_driver("HilQEMUDriver", activate=False)
    driver.icount = ICOUNT
    strategy = target.get_driver("BoardStrategy")
    try:
        note("booting with -icount")
        strategy.transition("monitor")
        monitor = target.get_driver("MonitorDriver").monitor
        _check_counter(monitor)
        yield monitor
    finally:
        strategy.transition("off")


def _check_counter(monitor: Monitor) -> None:
    program = Program()
    program.mrs(r[0], "CNTFRQ_EL0")
    program.halt()
    found = monitor.run(program).require("reading the counter's frequency").r[0]
    if found != COUNTER_HZ:
        raise InfrastructureError(f"the counter runs at {found} Hz, so it does not count instructions one by one")


def _commands(monitor: Monitor, note: Callable[[str], None]) -> Section:
    service = Service(monitor)
    queues = []
    for vm_id in (1, 2):
        vm = monitor.create_vm()
        queue = ManagedQueue.attach(service.create(vm_id), vm)
        commands.submit(queue, commands.startup())
        queues.append(queue)
    first, second = queues
    rows = []
    for name, raw in (
        ("GetRandom, 16 bytes", commands.get_random(16)),
        ("PCR_Extend, SHA-256", commands.pcr_extend(10, bytes(32))),
        ("CreatePrimary, ECC P-256", _CREATE_PRIMARY_ECC),
    ):
        note(name)
        rows.append(_row(name, [_cost(first, raw) for _ in range(REPEATS)]))
    note("switching windows")
    switching = []
    for turn in range(2 * REPEATS):
        switching.append(_cost((first, second)[turn % 2], commands.get_random(16)).switching)
    limit = f"≤ {SWITCH_TARGET:,}"
    series = Series("", tuple(map(float, switching)))
    rows.append(Row("window switch, there and back", {"EL3": series}, (Goal(limit, series.high <= SWITCH_TARGET),)))
    return Section(
        "instructions",
        "one command through the queue on one CPU under -icount; EL3 is everything from the guest's SMC to its return "
        "but the engine, TF-A's entry and the interpreter's SMC instruction included",
        tuple(rows),
    )


def _row(name: str, costs: Sequence[Cost]) -> Row:
    def series(pick: Callable[[Cost], int], unit: str = "") -> Series:
        return Series(unit, tuple(float(pick(cost)) for cost in costs))

    transport = series(lambda cost: cost.transport)
    traps = series(lambda cost: cost.smc_traps)
    return Row(
        name,
        {
            "guest": series(lambda cost: cost.guest),
            "EL3": transport,
            "engine": series(lambda cost: cost.engine),
            "traps": traps,
        },
        (
            Goal(f"EL3 ≤ {TRANSPORT_TARGET:,}", transport.high <= TRANSPORT_TARGET),
            Goal("no trap to EL2", traps.high == 0),
        ),
    )


def _cost(queue: ManagedQueue, raw: bytes) -> Cost:
    """Send one command with the counter read at its start, around the SMC, and at its end."""
    start, before, after, end, head, slot, data, length = r[18:26]
    program = Program()
    program.put(raw)
    program.data(data)
    program.set(slot, queue.va)
    program.mrs(start, "CNTVCT_EL0")
    program.set(length, queue.va + buffer_offset(0))
    program.copy(length, data, len(raw))
    program.set(length, len(raw))
    program.store(length, slot, entry_offset(0) + abi.VTPM_ENTRY_LENGTH, size=4)
    program.set(length, abi.VTPM_SLOT_SUBMITTED)
    program.store(length, slot, entry_offset(0) + abi.VTPM_ENTRY_STATE, size=4)
    program.load(head, slot, abi.VTPM_RING_HEAD, size=4)
    program.add(head, head, 1)
    program.barrier()
    program.store(head, slot, abi.VTPM_RING_HEAD, size=4)
    program.set(r[0], queue.doorbell)
    program.mrs(before, "CNTVCT_EL0")
    program.smc()
    program.mrs(after, "CNTVCT_EL0")
    program.load(length, slot, entry_offset(0) + abi.VTPM_ENTRY_LENGTH, size=4)
    program.set(slot, queue.va + buffer_offset(0))
    program.copy(data, slot, length)
    program.mrs(end, "CNTVCT_EL0")
    program.halt()
    program.want((r[0], start, before, after, end), size=abi.VTPM_SLOT_BYTES, length=length)
    traps = queue.vm.smc_traps()
    outcome = queue.agent.run(program).require("counting the instructions of a TPM command")
    if outcome.r[0]:
        raise FirmwareError(f"the doorbell returned {outcome.r[0]:#x}", doing="counting instructions")
    response = commands.Response.parse(outcome.data)
    if response.code != commands.SUCCESS:
        raise FirmwareError(f"the TPM answered {response.code:#x}", doing="counting instructions")
    ticks = queue.instance.ticks()
    if raw == _CREATE_PRIMARY_ECC:
        commands.submit(queue, commands.flush_context(int.from_bytes(response.body[:4])))
    t = outcome.r
    around = t[after.index] - t[before.index]
    return Cost(
        guest=t[end.index] - t[start.index] - around,
        transport=around - ticks.engine,
        engine=ticks.engine,
        switching=ticks.switching,
        smc_traps=queue.vm.smc_traps() - traps,
    )


def _memory(service: Service, note: Callable[[str], None]) -> Section:
    """Create more instances than there are windows, so that some are idle, and return what each kind takes."""
    note("secure memory per instance")
    before = service.memory()
    wanted = before.windows + EXTRA_INSTANCES
    have = service.limits().instances_used
    for number in range(have, wanted):
        service.create(0x1000 + number + secrets.randbits(8) * 0x10000)
    memory, limits = service.memory(), service.limits()
    if memory.images == 0:
        raise FirmwareError(f"{limits.instances_used} instances, {memory.windows} windows, and none is idle")
    rows = (
        Row("resident instance (window)", {"secure memory": Series("bytes", (float(memory.window_bytes),))}),
        Row(
            "idle instance (state image)",
            {"secure memory": Series("bytes", (memory.image_bytes / memory.images,))},
        ),
        Row("engine code and constants, once", {"secure memory": Series("bytes", (float(memory.engine_bytes),))}),
        Row("instances possible", {"secure memory": Series("instances", (float(limits.instances),))}),
    )
    return Section("secure memory", f"{limits.instances_used} instances, {memory.images} of them idle", rows)
