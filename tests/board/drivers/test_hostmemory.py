"""Physical memory seen from the host: addresses, searches and refusals, with our own memory in QEMU's place."""

from __future__ import annotations

import ctypes
import os
import subprocess

import pytest

from hil.board.drivers.hostmemory import HostMemory
from hil.errors import InfrastructureError, UsageError

LOW, HIGH, BYTES = 0x0E00_0000, 0x4000_0000, 0x2000


@pytest.fixture
def blocks() -> tuple[ctypes.Array[ctypes.c_char], ctypes.Array[ctypes.c_char]]:
    return ctypes.create_string_buffer(BYTES), ctypes.create_string_buffer(BYTES)


@pytest.fixture
def memory(blocks: tuple[ctypes.Array[ctypes.c_char], ctypes.Array[ctypes.c_char]]) -> HostMemory:
    low, high = (f"0x{ctypes.addressof(block):016x}" for block in blocks)
    answers = {
        "info ramblock": (
            "   Block Name    PSize    Offset               Used                Total               HVA  RO\r\n"
            f"     some.ram    4 KiB  0x0000000000000000 0x0000000000002000 0x0000000000002000 {high}  rw\r\n"
            f"   secure-ram    4 KiB  0x0000000018000000 0x0000000000002000 0x0000000000002000 {low}  rw\r\n"
            f"        a.rom    4 KiB  0x0000000019000000 0x0000000000002000 0x0000000000002000 {low}  ro\r\n"
        ),
        "info mtree -f": (
            'FlatView #0\r\n AS "memory", root: system\r\n AS "cpu-memory-0", root: system\r\n'
            " Root memory region: system\r\n"
            "  0000000040000000-0000000040001fff (prio 0, ram): some.ram\r\n"
            'FlatView #1\r\n AS "cpu-secure-memory-0", root: secure-memory\r\n'
            " Root memory region: secure-memory\r\n"
            "  000000000e000000-000000000e001fff (prio 0, ram): secure-ram\r\n"
            "  0000000009000000-0000000009000fff (prio 0, i/o): pl011\r\n"
            "  0000000040000000-0000000040001fff (prio 0, ram): some.ram\r\n"
            'FlatView #2\r\n AS "gpu-memory", root: gpu\r\n Root memory region: gpu\r\n'
            "  0000000080000000-0000000080001fff (prio 0, ram): some.ram\r\n"
        ),
    }
    return HostMemory.from_process(os.getpid(), answers.__getitem__)


def test_physical_addresses_lead_to_the_right_block(
    memory: HostMemory, blocks: tuple[ctypes.Array[ctypes.c_char], ctypes.Array[ctypes.c_char]]
) -> None:
    ctypes.memmove(ctypes.addressof(blocks[0]) + 0x10, b"low!", 4)
    memory.write(HIGH + BYTES - 5, b"high!")
    assert memory.read(LOW + 0x10, 4) == b"low!"
    assert blocks[1].raw[-5:] == b"high!"


def test_every_copy_is_found_also_overlapping_ones(memory: HostMemory) -> None:
    for pa in (LOW, LOW + BYTES - 4, HIGH + 7):
        memory.write(pa, b"abab")
    memory.write(HIGH + 100, b"ababab")
    assert list(memory.find(b"abab")) == [LOW, LOW + BYTES - 4, HIGH + 7, HIGH + 100, HIGH + 102]
    assert list(memory.find(b"abab", range(LOW + 1, HIGH + 103))) == [LOW + BYTES - 4, HIGH + 7]


def test_what_lies_across_two_parts_is_found_once(memory: HostMemory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hil.board.drivers.hostmemory.PART_BYTES", 0x100)
    for pa in (LOW + 0xFE, LOW + 0x200, HIGH + BYTES - 4):
        memory.write(pa, b"abcd")
    assert list(memory.find(b"abcd")) == [LOW + 0xFE, LOW + 0x200, HIGH + BYTES - 4]


@pytest.mark.parametrize("pa", [0, LOW - 1, LOW + BYTES - 1, HIGH + BYTES, 0x0900_0000])
def test_what_is_not_ram_is_refused(memory: HostMemory, pa: int) -> None:
    with pytest.raises(UsageError, match="not RAM"):
        memory.read(pa, 2)


def test_a_process_that_is_gone_is_an_infrastructure_error(memory: HostMemory) -> None:
    with pytest.raises(InfrastructureError, match="cannot open the memory"):
        HostMemory(0, memory.blocks).read(LOW, 1)


def test_a_process_that_has_just_ended_is_one_too(memory: HostMemory) -> None:
    with subprocess.Popen(["true"]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        with pytest.raises(InfrastructureError):
            HostMemory(process.pid, memory.blocks).read(LOW, 1)


def test_an_emulator_without_ram_is_an_infrastructure_error() -> None:
    with pytest.raises(InfrastructureError, match="names no RAM"):
        HostMemory.from_process(os.getpid(), lambda _command: "")
