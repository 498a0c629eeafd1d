"""Tests that fail on purpose, each in another way: docs/failures.md shows what a terminal and a page make of them.

.venv/bin/hil run --board qemu-virt --no-linux tools/pictures/failing
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from hil.target.tpm import commands
from hil.target.vtpm import Status, abi

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.fixtures import Board
    from hil.target.monitor import VirtualMachine
    from hil.target.vtpm import GuestQueue, Service


def test_pcr_holds_one_measurement(vtpm: GuestQueue) -> None:
    """A wrong TPM response: the PCR was extended twice, and the test expects once."""
    measurement = bytes(range(32))
    vtpm.transmit(commands.startup())
    vtpm.transmit(commands.pcr_extend(7, measurement))
    before = vtpm.transmit(commands.pcr_read(7))
    vtpm.transmit(commands.pcr_extend(7, measurement))
    assert vtpm.transmit(commands.pcr_read(7)) == before


def test_index_can_be_used_twice(service: Service, vm: VirtualMachine) -> None:
    """A service call with another status than the test expects."""
    service.create(vm.id, index=3).bind_to(vm)
    assert service.call(abi.VTPM_FID_CREATE, vm.id, abi.VTPM_PROFILE_SHA256, 1, 3).status == Status.OK


def test_guest_writes_behind_its_queue(vtpm: GuestQueue, attach: Callable[..., object]) -> None:
    """A fault of a guest: nothing is mapped behind the queue."""
    print(f"the queue has {vtpm.instance.queue_bytes:#x} bytes at {vtpm.va:#x}")
    attach("map.png", _picture())
    attach("queue", {"va": vtpm.va, "bytes": vtpm.instance.queue_bytes})
    vtpm.agent.write(vtpm.va + vtpm.instance.queue_bytes, bytes(8))


def test_boot_reaches_the_monitor(cold_board: Board) -> None:
    """A boot that hangs, with firmware whose monitor was replaced by an endless loop."""
    cold_board.transition("monitor")


def _picture() -> bytes:
    """Return a small picture of a map with a hole, as PNG (W3C, Portable Network Graphics, third edition)."""
    width, height = 320, 60
    mapped, hole = b"\x4a\x86\xc8", b"\xdf\xe2\xe0"
    row = b"\0" + b"".join(mapped if column < 200 else hole for column in range(width))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(row * height)), (b"IEND", b""))
    body = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)
