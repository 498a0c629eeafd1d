"""Tiny bare-metal guests for QEMU's `virt` at EL3, assembled when a test asks for them."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

UARTS = {"monitor": 0x0900_0000, "firmware": 0x0904_0000}
RAM = 0x4010_0000
SECURE_GPIO = 0x090B_0000  # PL061: pin 0 powers off, pin 1 restarts (QEMU hw/arm/virt.c)

_ENTRY = """
        .global _start
_start: mrs x0, mpidr_el1
        and x0, x0, #0xff
        cbnz x0, park
"""

_LIBRARY = """
park:   wfi
        b park
say:    ldrb w3, [x2], #1       // x1: UART, x2: string; waits for room (PL011 FR.TXFF)
        cbz w3, 2f
1:      ldr w4, [x1, #0x18]
        tbnz w4, #5, 1b
        str w3, [x1]
        b say
2:      ret
"""


def say(uart: str, text: str) -> str:
    """Print `text`."""
    escaped = text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
    return f"""
        ldr x1, ={UARTS[uart]}
        adr x2, 8f
        bl say
        b 9f
8:      .asciz "{escaped}"
        .balign 4
9:
"""


def echo(uart: str) -> str:
    """Answer every byte with itself, for ever (PL011 FR.RXFE)."""
    return f"""
        ldr x1, ={UARTS[uart]}
1:      ldr w4, [x1, #0x18]
        tbnz w4, #4, 1b
        ldr w3, [x1]
2:      ldr w4, [x1, #0x18]
        tbnz w4, #5, 2b
        str w3, [x1]
        b 1b
"""


def repeat(times: int, *actions: str) -> str:
    """Repeat actions that leave x20 alone."""
    return f"        ldr x20, ={times}\n6:\n" + "".join(actions) + "        subs x20, x20, #1\n        b.ne 6b\n"


def count_bytes(uart: str) -> str:
    """Answer the n-th byte with the n-th letter, for ever."""
    return f"""
        ldr x1, ={UARTS[uart]}
        mov w19, #'a'
1:      ldr w4, [x1, #0x18]
        tbnz w4, #4, 1b
        ldr w3, [x1]
        str w19, [x1]
        add w19, w19, #1
        b 1b
"""


def wait_for_byte(uart: str) -> str:
    """Wait until a byte comes."""
    return f"""
        ldr x1, ={UARTS[uart]}
1:      ldr w4, [x1, #0x18]
        tbnz w4, #4, 1b
        ldr w3, [x1]
"""


def start_again() -> str:
    """Begin from the first instruction, as firmware does after a fatal error."""
    return "        b _start\n"


def power_off() -> str:
    """Switch the machine off."""
    return f"""
        ldr x1, ={SECURE_GPIO}
        mov w3, #0xff
        str w3, [x1, #0x400]    // GPIODIR
        str wzr, [x1, #0x3fc]   // GPIODATA, all pins
        mov w3, #1
        str w3, [x1, #0x3fc]
        b park
"""


def assemble(directory: Path, *actions: str) -> Path:
    """Return a flash image that does `actions` and then hangs."""
    source, elf, image = (directory / f"guest.{suffix}" for suffix in ("S", "elf", "bin"))
    source.write_text(_ENTRY + "".join(actions) + "        b park\n" + _LIBRARY)
    link = ["-nostdlib", "-static", "-Wl,-Ttext=0,-n,--build-id=none"]
    subprocess.run(["aarch64-linux-gnu-gcc", *link, "-o", elf, source], check=True)
    subprocess.run(["aarch64-linux-gnu-objcopy", "-O", "binary", elf, image], check=True)
    return image


def count_in_memory(uart: str) -> str:
    """Answer `!` with itself and any other byte with the next letter, for ever; the letter is in RAM."""
    return f"""
        ldr x1, ={UARTS[uart]}
        ldr x5, ={RAM}
        mov w19, #'a'
        strb w19, [x5]
1:      ldr w4, [x1, #0x18]
        tbnz w4, #4, 1b
        ldr w3, [x1]
        cmp w3, #'!'
        b.ne 2f
        str w3, [x1]
        b 1b
2:      ldrb w19, [x5]
        str w19, [x1]
        add w19, w19, #1
        strb w19, [x5]
        b 1b
"""
