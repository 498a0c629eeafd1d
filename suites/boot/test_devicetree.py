"""What the firmware tells an operating system: the queue pool is not free memory."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hil.monitor import Monitor
    from hil.vtpm import Service

DEVICETREE = 0x4000_0000
"""Where QEMU's `virt` puts it."""

# Devicetree Specification v0.4, chapter 5.
MAGIC, BEGIN_NODE, END_NODE, PROPERTY, END = 0xD00DFEED, 1, 2, 3, 9


def properties(blob: bytes) -> Iterator[tuple[str, str, bytes]]:
    """Yield path, name and value of every property."""
    at, strings = struct.unpack_from(">II", blob, 8)
    path: list[str] = []
    while (token := struct.unpack_from(">I", blob, at)[0]) != END:
        at += 4
        if token == BEGIN_NODE:
            end = blob.index(b"\0", at)
            path.append(blob[at:end].decode())
            at = end + 4 & ~3
        elif token == END_NODE:
            path.pop()
        elif token == PROPERTY:
            length, name = struct.unpack_from(">II", blob, at)
            name_at = strings + name
            yield "/".join(path), blob[name_at : blob.index(b"\0", name_at)].decode(), blob[at + 8 : at + 8 + length]
            at += 8 + length + 3 & ~3


@pytest.fixture
def devicetree(monitor: Monitor) -> dict[tuple[str, str], bytes]:
    """Properties by path and name."""
    magic, size = struct.unpack(">II", monitor.read(DEVICETREE, 8))
    assert magic == MAGIC
    blob = b"".join(monitor.read(DEVICETREE + at, min(4096, size - at)) for at in range(0, size, 4096))
    return {(path, name): value for path, name, value in properties(blob)}


@pytest.mark.element("E5")
def test_the_queue_pool_is_reserved_and_must_not_be_mapped(
    devicetree: dict[tuple[str, str], bytes], service: Service
) -> None:
    limits = service.limits()
    reserved = {
        struct.unpack(">QQ", value): path
        for (path, name), value in devicetree.items()
        if path.startswith("/reserved-memory/") and name == "reg"
    }
    path = reserved[limits.queue_pool, limits.queue_pool_bytes]
    assert (path, "no-map") in devicetree


def test_the_service_is_announced(devicetree: dict[tuple[str, str], bytes]) -> None:
    assert devicetree["/firmware/vtpm", "compatible"].startswith(b"hil,vtpm")
