"""Damage in the memory of a running emulator, done by its host."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from hil.board.drivers.hostmemory import HostMemory

if TYPE_CHECKING:
    from pathlib import Path

    from hil.board.drivers import HilQEMUDriver

# Arm ARM DDI 0487, C6.2.
UNDEFINED = bytes(4)  # udf #0
LOOP = bytes.fromhex("00000014")  # b .
LOAD_NULL = bytes.fromhex("000080d2000040f9")  # mov x0, #0; ldr x0, [x0]


def address_of(elf: Path, symbol: str) -> int:
    """Return the address of a function, or of another symbol, of an ELF file."""
    table = subprocess.run(["aarch64-linux-gnu-nm", elf], capture_output=True, text=True, check=True).stdout
    return next(int(line.split()[0], 16) for line in table.splitlines() if line.split()[2:] == [symbol])


def overwrite(driver: HilQEMUDriver, address: int, data: bytes) -> None:
    """Write to a physical address; code changes only where it has not run yet since the emulator started."""

    def ask(command: str) -> str:
        return str(driver.monitor_command("human-monitor-command", {"command-line": command}))

    HostMemory.from_process(driver.emulator.pid, ask).write(address, data)
