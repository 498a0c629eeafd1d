"""Changes flattened device trees with the programs of the device tree compiler."""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hil.errors import FirmwareError, ToolFailed
from hil.tools import run_tool

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class DeviceTree:
    """A device tree in a temporary file, which may be changed."""

    path: Path

    @classmethod
    @contextlib.contextmanager
    def from_bytes(cls, data: bytes, overlays: Sequence[bytes] = (), *, space: int = 0) -> Iterator[DeviceTree]:
        """Yield a copy with `overlays` applied and room for `space` bytes more. Raises `FirmwareError`."""
        with tempfile.TemporaryDirectory() as name:
            directory = Path(name)
            plain, tree = directory / "plain.dtb", cls(directory / "tree.dtb")
            plain.write_bytes(data)
            for number, overlay in enumerate(overlays):
                (directory / f"{number}.dtbo").write_bytes(overlay)
                _run("fdtoverlay", "-i", plain, "-o", tree.path, directory / f"{number}.dtbo")
                tree.path.replace(plain)
            _run("dtc", "-q", "-@", "-I", "dtb", "-O", "dtb", "-S", len(data) + space, "-o", tree.path, plain)
            yield tree

    def set_text(self, node: str, name: str, text: str) -> None:
        """Set a string."""
        _run("fdtput", "-p", "-t", "s", self.path, node, name, text)

    def set_bytes(self, node: str, name: str, data: bytes) -> None:
        """Set bytes."""
        _run("fdtput", "-p", "-t", "bx", self.path, node, name, *(f"{byte:02x}" for byte in data))

    def set_cells(self, node: str, name: str, *cells: int) -> None:
        """Set 32-bit numbers."""
        _run("fdtput", "-p", "-t", "x", self.path, node, name, *(f"{cell:x}" for cell in cells))

    def set_memory(self, banks: Sequence[tuple[int, int]]) -> None:
        """Set the memory node to these banks: start and length of each."""
        widths = [int(_run("fdtget", self.path, "/", f"#{kind}-cells")) for kind in ("address", "size")]
        nodes = [node for node in _run("fdtget", "-l", self.path, "/").split() if node.partition("@")[0] == "memory"]
        cells = [
            number >> 32 * cell & 0xFFFF_FFFF
            for bank in banks
            for number, width in zip(bank, widths, strict=True)
            for cell in reversed(range(width))
        ]
        self.set_text(f"/{nodes[0] if nodes else 'memory@0'}", "device_type", "memory")
        self.set_cells(f"/{nodes[0] if nodes else 'memory@0'}", "reg", *cells)

    def read(self) -> bytes:
        """Return the tree."""
        return self.path.read_bytes()


def _run(program: str, *words: object) -> str:
    try:
        return run_tool([program, *map(str, words)], seconds=SECONDS).text
    except ToolFailed as error:
        raise FirmwareError(f"the device tree is not what it should be: {error.said}") from None
