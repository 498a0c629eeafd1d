"""QEMU as a Raspberry Pi 4 whose VideoCore has put what a test wants into memory."""

from __future__ import annotations

import contextlib
import socket
import struct
import subprocess
from typing import TYPE_CHECKING

from hil.deadline import Deadline
from hil.firmware.platforms import platform_named
from tests.target.monitor.emulated import QEMU, SocketStream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KERNEL, TREE = 0x20_0000, 0x800_0000
ENGINE = platform_named("rpi4").address("VTPM_ENGINE_PA")
SECONDS = 120.0

# TF-A, plat/rpi/common/aarch64/armstub8_header.S: the VideoCore clears the magic and says where it put the rest.
_MAGIC, _TREE, _KERNEL = 0xF0, 0xF8, 0xFC


def stub_as_loaded(stub: bytes, tree: int = TREE, kernel: int = KERNEL) -> bytes:
    """Return the armstub as the VideoCore leaves it in memory, with its device tree and its kernel at these places."""
    patched = bytearray(stub)
    for offset, value in ((_MAGIC, 0), (_TREE, tree), (_KERNEL, kernel)):
        struct.pack_into("<I", patched, offset, value)
    return bytes(patched)


def write_and_jump(address: int, word: int, target: int) -> bytes:
    """Return code that writes a word to a device and jumps to `target`."""
    load_literals = (0x580000C1, 0x580000E2, 0xB9000022, 0x580000E3)  # `ldr x1`, `ldr x2`, `str w2, [x1]`, `ldr x3`
    jump = (0xD61F0060, 0xD503201F)  # `br x3`, and one that does nothing, to align the literals
    return struct.pack("<6I3Q", *load_literals, *jump, address, word, target)


@contextlib.contextmanager
def board(loads: dict[int, Path]) -> Iterator[SocketStream]:
    """Run the board with files at physical addresses, and yield the serial line of its PL011."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        command = [QEMU, "-M", "raspi4b", "-m", "2G", "-nodefaults", "-nographic"]
        command += ["-global", "arm_gic.has-security-extensions=on"]
        for address, file in loads.items():
            command += ["-device", f"loader,file={file},addr={address:#x},force-raw=on"]
        command += ["-chardev", f"socket,id=console,fd={theirs.fileno()}", "-serial", "chardev:console"]
        process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
        theirs.close()
        try:
            yield SocketStream(ours)
        finally:
            process.kill()
            process.wait(10)


def read_until(line: SocketStream, end: bytes) -> str:
    """Return all that the board says until it says `end`."""
    deadline = Deadline.after(SECONDS)
    heard = b""
    while end not in heard:
        heard += line.receive(deadline)
    return heard.decode(errors="replace")
