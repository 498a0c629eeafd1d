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


def stub_as_loaded(stub: bytes) -> bytes:
    """Return the armstub as the VideoCore leaves it in memory."""
    patched = bytearray(stub)
    for offset, value in ((_MAGIC, 0), (_TREE, TREE), (_KERNEL, KERNEL)):
        struct.pack_into("<I", patched, offset, value)
    return bytes(patched)


@contextlib.contextmanager
def board(loads: dict[int, Path]) -> Iterator[SocketStream]:
    """Run the board with files at physical addresses, and yield its serial line."""
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
