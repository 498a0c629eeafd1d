"""What a board gains is summed over its machines, whatever they started from and however they ended."""

from __future__ import annotations

import ctypes
import os
import struct
from pathlib import Path

import pytest

from hil.board.drivers.hostmemory import HostMemory
from hil.coverage.image import FunctionCounters, InstrumentedImage
from hil.coverage.meter import CounterMeter, Gained
from hil.coverage.notes import Function, Notes
from hil.errors import RecordFailed

CODE, BASE = b"code of BL31", 0x0E09_0000
COUNTERS = 0x100


class Machine:
    """Our own memory in an emulator's place: code, and two counters of which the linker kept the first."""

    def __init__(self, count: int = 0, code: bytes = CODE) -> None:
        self._ram = ctypes.create_string_buffer(0x1000)
        ctypes.memmove(self._ram, code, len(code))
        self.count(count)

    @property
    def memory(self) -> HostMemory:
        block = f"  ram  4 KiB  0x0 0x0 0x1000 0x{ctypes.addressof(self._ram):x}  rw\n".replace("0x0 0x0", "0x0 0x1000")
        tree = f'FlatView #0\n AS "cpu-memory-0"\n  {BASE:016x}-{BASE + 0xFFF:016x} (prio 0, ram): ram\n'
        return HostMemory.from_process(os.getpid(), {"info ramblock": block, "info mtree -f": tree}.__getitem__)

    def count(self, total: int) -> None:
        struct.pack_into("<Q", self._ram, COUNTERS, total)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "board" / "counters.json"


@pytest.fixture
def meter(file: Path) -> CounterMeter:
    functions = (Function("kept", (1, 2, 3), 1), Function("left_out", (1, 2, 3), 1))
    places = (FunctionCounters(BASE + COUNTERS, 1), FunctionCounters(None, 1))
    return CounterMeter(
        InstrumentedImage(Path("build"), (Notes(Path("a.gcno"), (0, 0, 0), functions),), places, (BASE, CODE)), file
    )


@pytest.fixture
def state(tmp_path: Path) -> Path:
    path = tmp_path / "state"
    path.touch()
    return path


def gained(file: Path) -> Gained:
    return Gained.read(file)[1]


def run(meter: CounterMeter, start: int, end: int, state: Path | None = None) -> None:
    """One machine, from switching on to switching off."""
    machine = Machine(start)
    meter.begin(machine.memory, state)
    machine.count(end)
    meter.end()


def test_machines_that_boot_count_from_zero(meter: CounterMeter, file: Path) -> None:
    run(meter, 0, 5)
    run(meter, 0, 6)
    assert gained(file) == Gained([11, 0], machines=2)


def test_a_machine_from_a_saved_state_counts_only_what_it_adds(meter: CounterMeter, file: Path, state: Path) -> None:
    machine = Machine()
    meter.begin(machine.memory)
    machine.count(100)
    meter.saved(state)
    meter.end()
    run(meter, 100, 101, state)
    run(meter, 100, 107, state)
    assert gained(file) == Gained([108, 0], machines=3)


def test_the_boot_behind_a_state_of_an_earlier_run_counts_once(meter: CounterMeter, file: Path, state: Path) -> None:
    run(meter, 100, 101, state)
    run(meter, 100, 107, state)
    assert gained(file) == Gained([108, 0], machines=2)


def test_a_state_is_the_same_under_another_name(meter: CounterMeter, file: Path, state: Path, tmp_path: Path) -> None:
    meter.saved(state)
    state.rename(tmp_path / "renamed")
    run(meter, 100, 101, tmp_path / "renamed")
    assert gained(file).counts == [1, 0]


def test_what_was_counted_before_a_reset_is_kept(meter: CounterMeter, file: Path) -> None:
    machine = Machine()
    meter.begin(machine.memory)
    machine.count(5)
    meter.restart()
    meter.end()
    assert gained(file) == Gained([5, 0], machines=2)


def test_counters_that_went_down_began_anew(meter: CounterMeter, file: Path, state: Path) -> None:
    meter.saved(state)
    run(meter, 100, 30, state)
    assert gained(file).counts == [30, 0]


def test_a_machine_that_never_came_to_bl31_counts_nothing(meter: CounterMeter, file: Path) -> None:
    machine = Machine(77, code=b"something else")
    meter.begin(machine.memory)
    meter.end()
    assert gained(file) == Gained([0, 0], machines=1)


def test_a_machine_that_is_gone_is_told_of(meter: CounterMeter, file: Path) -> None:
    memory = Machine(5).memory
    meter.begin(HostMemory(0, memory.blocks))
    meter.end()
    meter.end()
    assert gained(file) == Gained([0, 0], machines=1, ends_lost=1)


def test_a_machine_whose_counts_cannot_be_kept_says_so(meter: CounterMeter, file: Path) -> None:
    file.parent.touch()
    meter.begin(Machine().memory)
    with pytest.raises(RecordFailed, match=r"counters\.json cannot be written"):
        meter.end()
