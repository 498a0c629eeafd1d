"""Counts how long an interrupt of the normal world waits for EL3, in instructions.

As in `instructions`, CNTPCT_EL0 counts instructions under `-icount`. EL2's own timer interrupts EL2, which runs one
program with interrupts unmasked on one CPU. The monitor reads the counter when it has taken the interrupt, and leaves
in TPIDR_EL0 the longest time that one had to wait; TPIDRRO_EL0 says after how many ticks the next one comes.
"""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hil.deadline import Deadline
from hil.errors import FirmwareError
from hil.operations.bench.figures import Goal, Row, Section, Series, percentile
from hil.operations.bench.instructions import counting
from hil.target.monitor import Program, r
from hil.target.tpm import commands
from hil.target.tpm.key import storage_template
from hil.target.vtpm import ManagedQueue, Service, Status, abi

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from hil.target.monitor import Monitor

CALL_TARGET = 5_000
HANDLER_TARGET = 400
PERIOD = 10_000
"""Ticks between two interrupts, where the longest wait of a call is looked for; it is found to within so many."""
FIRST = (400, 800, 1_600)
"""When the first interrupt of a call comes; some calls are shorter than a period. The monitor needs some 300 of it."""
MORE_VMS = 1
"""VMs beyond those that have a window of the engine."""
TURNS = 40
EARLIEST, LATEST = 5_000, 200_000
"""How many ticks the engine works on a key before it is interrupted."""
SECONDS = 300.0
_ISB, _UNMASK, _MASK = 0xD503_3FDF, 0xD503_42FF, 0xD503_42DF  # MSR DAIFClr, #2; MSR DAIFSet, #2
_CNTHP_CTL_EL2, _CNTHP_CVAL_EL2 = "S3_4_C14_C2_1", "S3_4_C14_C2_2"
_ENABLE = 1
_RSA = commands.create_primary(storage_template("rsa").marshal())


def measure(board: Path, note: Callable[[str], None]) -> Section:
    """Return how long interrupts wait on the emulated board of file `board`."""
    with counting(board, note) as monitor:
        service = Service(monitor)
        rows = tuple(_calls(monitor, service, note))
        note("VMs that make RSA keys")
        return Section(
            "latency",
            "from the deadline of EL2's timer to the first instructions of its handler, on one CPU under -icount; for "
            f"a call, the longest of all interrupts that come every {PERIOD:,} instructions while it is made",
            (_keys(monitor, service), *rows),
        )


def _set(program: Program, register: str, value: int) -> None:
    program.set(r[18], value)
    program.msr(register, r[18])


def _arm(program: Program, ticks: int) -> None:
    program.mrs(r[19], "CNTPCT_EL0")
    program.add(r[19], r[19], ticks)
    program.msr(_CNTHP_CVAL_EL2, r[19])
    _set(program, _CNTHP_CTL_EL2, _ENABLE)
    program.barrier(_ISB)


def _disarm(program: Program) -> None:
    _set(program, _CNTHP_CTL_EL2, 0)
    program.barrier(_ISB)


def _interrupted_smc(program: Program, words: Sequence[int], ticks: int) -> None:
    """Make a call with `words` in x0 and up and zero behind them, interrupts unmasked. The timer's comes meanwhile."""
    for index in range(8):
        program.set(r[index], words[index] if index < len(words) else 0)
    _arm(program, ticks)
    program.execute(_UNMASK)
    program.smc()
    program.execute(_MASK)


def _longest_wait(monitor: Monitor, first: int, *words: int) -> tuple[int, tuple[int, ...]]:
    """Make a call while interrupts come all the time. Return the longest wait of one, and x0 to x3."""
    program = Program()
    _set(program, "TPIDR_EL0", 0)
    _set(program, "TPIDRRO_EL0", PERIOD)
    _interrupted_smc(program, words, first)
    _set(program, "TPIDRRO_EL0", 0)
    _disarm(program)
    program.mrs(r[20], "TPIDR_EL0")
    program.halt()
    program.want((*r[:4], r[20]))
    found = monitor.run(program, Deadline.after(SECONDS)).require("counting how long interrupts wait").r
    return found[20], tuple(found[:4])


@dataclass(slots=True)
class _Caller:
    """Makes calls that are interrupted, the first time `first` ticks after their beginning, and notes the waits."""

    monitor: Monitor
    note: Callable[[str], None]
    first: int = 0
    waits: dict[str, list[int]] = field(default_factory=dict)

    def __call__(self, name: str, fid: int, *arguments: int) -> tuple[int, ...]:
        if name not in self.waits:
            self.note(name)
        wait, answer = _longest_wait(self.monitor, self.first, fid, *arguments)
        if answer[0]:
            raise FirmwareError(f"{name} returned {answer[0]:#x}", doing="counting how long interrupts wait")
        self.waits.setdefault(name, []).append(wait)
        return answer


def _calls(monitor: Monitor, service: Service, note: Callable[[str], None]) -> Iterator[Row]:
    """Yield a row for each call of the service that a hypervisor makes."""
    windows = service.memory().windows
    queues = [_queue(monitor, service, 1 + number) for number in range(windows)]
    last = queues[-1]
    call = _Caller(monitor, note)
    for call.first in FIRST:
        call("LIMITS", abi.VTPM_FID_LIMITS, abi.VTPM_LIMITS_INSTANCES)
        call("INFO", abi.VTPM_FID_INFO, last.instance.handle, abi.VTPM_INFO_STATE)
        call("BIND", abi.VTPM_FID_BIND, last.instance.handle, 0, 0, 0, last.va)
        last.instance.bind_to(last.vm, ipa=last.va)
        _submit(last, commands.get_random(16))
        call("FORWARD, GetRandom", abi.VTPM_FID_FORWARD, last.instance.handle)
        call("RESET", abi.VTPM_FID_RESET, last.instance.handle)
        _submit(last, commands.startup())
        call("FORWARD, Startup", abi.VTPM_FID_FORWARD, last.instance.handle)
        _, handle, *_ = call("CREATE, with an eviction", abi.VTPM_FID_CREATE, 0x1000, 0, abi.VTPM_MAX_SLOTS, 0)
        for queue in queues:
            _submit(queue, commands.get_random(16))
            call("FORWARD, with an eviction", abi.VTPM_FID_FORWARD, queue.instance.handle)
        call("DESTROY, idle", abi.VTPM_FID_DESTROY, handle)
        queues[0].instance.destroy()
        _, handle, *_ = call("CREATE", abi.VTPM_FID_CREATE, 0x1000, 0, abi.VTPM_MAX_SLOTS, 0)
        call("DESTROY", abi.VTPM_FID_DESTROY, handle)
        queues[0] = _queue(monitor, service, 1)
    for name, found in call.waits.items():
        series = Series("", tuple(map(float, found)))
        yield Row(name, {"longest": series}, (Goal(f"≤ {CALL_TARGET:,}", series.high <= CALL_TARGET),))
    for queue in queues:
        queue.instance.destroy()


def _queue(monitor: Monitor, service: Service, vm_id: int) -> ManagedQueue:
    queue = ManagedQueue.attach(service.create(vm_id), monitor.create_vm())
    commands.submit(queue, commands.startup())
    return queue


def _submit(queue: ManagedQueue, raw: bytes) -> None:
    head = queue.control_page().head
    queue.place(head % queue.instance.slots, raw)
    queue.write(abi.VTPM_RING_HEAD, head + 1)


def _keys(monitor: Monitor, service: Service) -> Row:
    """Let VMs make keys in turns, and interrupt each of them; more of them than the engine has windows."""
    queues = [_queue(monitor, service, 1 + number) for number in range(service.memory().windows + MORE_VMS)]
    for queue in queues:
        _submit(queue, _RSA)
    chance = random.Random(1)
    samples = []
    for _ in range(TURNS):
        samples += _turn(monitor, queues, [chance.randrange(EARLIEST, LATEST) for _ in queues])
    series = {
        "p50": Series("", (percentile(samples, 50),)),
        "p99": Series("", (percentile(samples, 99),)),
        "longest": Series("", (max(samples),)),
    }
    return Row(
        f"{len(queues)} VMs make RSA keys ({len(samples)} interrupts)",
        series,
        (
            Goal(f"p50 ≤ {HANDLER_TARGET:,}", series["p50"].high <= HANDLER_TARGET),
            Goal(f"≤ {CALL_TARGET:,}", series["longest"].high <= CALL_TARGET),
        ),
    )


def _turn(monitor: Monitor, queues: Sequence[ManagedQueue], ticks: Sequence[int]) -> list[float]:
    """Go on with each VM's key once, for so many ticks. Return how long each interrupt had to wait."""
    program = Program()
    program.data(r[21])
    for number, (queue, after) in enumerate(zip(queues, ticks, strict=True)):
        _set(program, "TPIDR_EL0", 0)
        _interrupted_smc(program, (abi.VTPM_FID_FORWARD, queue.instance.handle, abi.VTPM_TELL_MORE), after)
        _disarm(program)
        program.mrs(r[20], "TPIDR_EL0")
        program.store(r[20], r[21], 16 * number)
        program.store(r[0], r[21], 16 * number + 8)
    program.halt()
    program.want(size=16 * len(queues))
    data = monitor.run(program, Deadline.after(SECONDS)).require("interrupting those who make keys").data
    waits = []
    for wait, status in struct.iter_unpack("<Qq", data):
        if status not in (Status.OK, Status.MORE):
            raise FirmwareError(f"FORWARD returned {status}", doing="interrupting those who make keys")
        if status == Status.MORE:
            waits.append(float(wait))
    return waits
