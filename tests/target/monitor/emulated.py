"""A monitor on an emulator without EL3: PSCI is the emulator's own, everything else is as on a board."""

from __future__ import annotations

import contextlib
import socket
import subprocess
from typing import TYPE_CHECKING

from hil.errors import BoardDied, ConsoleTimeout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hil.deadline import Deadline

QEMU = "qemu-system-aarch64"
LOAD_ADDRESS = 0x4200_0000


class SocketStream:
    """The least that a console needs."""

    name = "monitor"

    def __init__(self, line: socket.socket) -> None:
        self._line = line

    def send(self, data: bytes) -> None:
        self._line.settimeout(10)
        self._line.sendall(data)

    def receive(self, deadline: Deadline) -> bytes:
        self._line.settimeout(max(deadline.remaining, 0.001))
        try:
            data = self._line.recv(65536)
        except TimeoutError:
            raise ConsoleTimeout("silence") from None
        if not data:
            raise BoardDied("the emulator closed the line")
        return data

    def silence(self) -> None:
        return None

    def tail(self, lines: int = 20) -> tuple[str, ...]:  # noqa: ARG002
        return ()


@contextlib.contextmanager
def emulator(image: Path, *, gic: int = 3) -> Iterator[SocketStream]:
    """Run the monitor, built for a GIC of this version, and yield its console."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        machine = ["-M", f"virt,virtualization=on,gic-version={gic}", "-cpu", "max,sve=off,sme=off,pauth-impdef=on"]
        load = f"loader,file={image},addr={LOAD_ADDRESS:#x},cpu-num=0,force-raw=on"
        console = ["-chardev", f"socket,id=console,fd={theirs.fileno()}", "-serial", "chardev:console"]
        process = subprocess.Popen(
            [QEMU, *machine, "-smp", "4", "-m", "256M", "-nodefaults", "-nographic", "-device", load, *console],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
        )
        theirs.close()
        try:
            yield SocketStream(ours)
        finally:
            process.kill()
            process.wait(10)
