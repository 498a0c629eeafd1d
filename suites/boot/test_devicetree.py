"""What the firmware tells an operating system: the queue pool is not free memory."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hil.fixtures import Board
    from hil.target.monitor import Monitor
    from hil.target.vtpm import Service

pytestmark = pytest.mark.needs_devicetree

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


def reserved_regions(tree: dict[tuple[str, str], bytes]) -> dict[tuple[int, int], str]:
    """Return the path of each reserved region, by its start and length."""
    address_cells, size_cells = (int.from_bytes(tree["", name]) for name in ("#address-cells", "#size-cells"))
    length = 4 * (address_cells + size_cells)
    return {
        (int.from_bytes(value[: 4 * address_cells]), int.from_bytes(value[4 * address_cells : length])): path
        for (path, name), value in tree.items()
        if path.startswith("/reserved-memory/") and name == "reg"
    }


@pytest.fixture
def devicetree(board: Board, monitor: Monitor) -> dict[tuple[str, str], bytes]:
    """Properties by path and name."""
    start = int(board.features["devicetree"], 16)
    magic, size = struct.unpack(">II", monitor.read(start, 8))
    assert magic == MAGIC
    blob = b"".join(monitor.read(start + at, min(4096, size - at)) for at in range(0, size, 4096))
    return {(path, name): value for path, name, value in properties(blob)}


@pytest.mark.element("E5")
def test_the_queue_pool_is_reserved_and_must_not_be_mapped(
    devicetree: dict[tuple[str, str], bytes], service: Service
) -> None:
    limits = service.limits()
    path = reserved_regions(devicetree)[limits.queue_pool, limits.queue_pool_bytes]
    assert (path, "no-map") in devicetree


@pytest.mark.element("E3")
def test_what_no_hardware_protects_is_reserved_too(devicetree: dict[tuple[str, str], bytes], service: Service) -> None:
    """An operating system that took it for free memory would destroy it; protected memory is not in the tree at all."""
    limits, pool = service.limits(), service.memory().pool
    reserved = reserved_regions(devicetree)
    if "PROTECTED_SPACE" in service.version().features:
        assert (pool, limits.pool_bytes) not in reserved
    else:
        assert (reserved[pool, limits.pool_bytes], "no-map") in devicetree


def test_the_service_is_announced(devicetree: dict[tuple[str, str], bytes]) -> None:
    assert devicetree["/firmware/vtpm", "compatible"].startswith(b"hil,vtpm")
