"""Three implementations that drive the same firmware on the same QEMU: hil, labgrid's drivers, plain sockets."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from labgrid import Environment

from hil.deadline import Deadline
from hil.errors import InfrastructureError
from hil.target.monitor import frame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hil.target.monitor import Monitor

BANNER = b"monitor: ready"
BOOT_SECONDS = 30.0
DEATH_SECONDS = 5.0
"""How long an implementation waits for a line that never comes."""
NEVER = "a line that never comes"

MACHINE = "virt,secure=on,virtualization=on,gic-version=3"
CPU = "max,sve=off,sme=off,pauth-impdef=on"
MEMORY = "256M"
PROCESSORS = 4


class Implementation(Protocol):
    """One way to drive the board. Every method returns a duration in seconds."""

    def boot(self) -> float:
        """Boot, from the start of the emulator to the monitor's banner. The board stays on."""

    def round_trip(self) -> float:
        """Send one request to the monitor, and wait for its answer."""

    def death(self) -> float:
        """Kill the emulator during a wait of `DEATH_SECONDS`, until the error is raised. A boot must follow."""

    def stop(self) -> None:
        """Switch the board off."""


class HilImplementation:
    """hil's driver and strategy, with transcripts, checksums and the detection of panics."""

    def __init__(self, board: Path) -> None:
        target = Environment(str(board)).get_target("main")
        self._strategy = target.get_driver("BoardStrategy")
        self._driver = target.get_driver("HilQEMUDriver", activate=False)
        self._shell = target.get_driver("MonitorDriver", activate=False)

    def boot(self) -> float:
        self._strategy.transition("flashed")
        return _timed(lambda: self._strategy.transition("monitor"))

    def round_trip(self) -> float:
        return _timed(lambda: self._shell.monitor.wait_ready(Deadline.after(BOOT_SECONDS)))

    def fork(self) -> float:
        """Fork the board from its saved state after boot, until the first answer of the fork."""

        def fork_and_ask() -> None:
            monitor: Monitor = self._strategy.fork()
            monitor.wait_ready(Deadline.after(BOOT_SECONDS))

        return _timed(fork_and_ask)

    def death(self) -> float:
        uart = self._driver.uart("monitor")

        def wait() -> None:
            deadline = Deadline.after(DEATH_SECONDS)
            while True:
                uart.receive(deadline)

        try:
            return _seconds_from_kill(self._driver.emulator.pid, wait)
        finally:
            self._strategy.force("off")

    def stop(self) -> None:
        self._strategy.transition("off")


class LabgridImplementation:
    """labgrid's QEMUDriver and its console, used as in labgrid's documentation."""

    def __init__(self, flash: Path) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="hil-bench-")
        self.environment = Path(self._folder.name) / "labgrid.yaml"
        self.environment.write_text(labgrid_environment(flash), encoding="utf-8")
        self._qemu: Any = Environment(str(self.environment)).get_target("main").get_driver("QEMUDriver")

    def boot(self) -> float:
        def boot() -> None:
            self._qemu.on()
            self._qemu.expect(BANNER.decode(), timeout=BOOT_SECONDS)

        return _timed(boot)

    def round_trip(self) -> float:
        def ask() -> None:
            self._qemu.sendline(_question().decode().rstrip("\n"))
            self._qemu.expect(r"=[0-9a-f]+ ok[^\n]*\n", timeout=BOOT_SECONDS)

        return _timed(ask)

    def death(self) -> float:
        child = self._qemu._child
        seconds = _seconds_from_kill(child.pid, lambda: self._qemu.expect(NEVER, timeout=DEATH_SECONDS))
        child.wait()
        self._qemu.status = 0
        self._qemu._child = None
        return seconds

    def stop(self) -> None:
        self._qemu.off()


class SocketImplementation:
    """The minimum: a socket, and `recv` until the line has arrived."""

    def __init__(self, flash: Path) -> None:
        self._flash = flash
        self._process: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None

    def boot(self) -> float:
        def boot() -> None:
            self._line, theirs = socket.socketpair()
            with theirs:
                self._process = subprocess.Popen(
                    raw_command(self._flash, theirs.fileno()),
                    stdin=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                )
            self._read_until(BANNER)

        return _timed(boot)

    def round_trip(self) -> float:
        def ask() -> None:
            assert self._line is not None
            self._line.sendall(_question())
            self._read_until(b" ok")

        return _timed(ask)

    def death(self) -> float:
        assert self._process is not None
        return _seconds_from_kill(self._process.pid, lambda: self._read_until(NEVER.encode(), DEATH_SECONDS))

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        if self._line is not None:
            self._line.close()
        self._process = self._line = None

    def _read_until(self, wanted: bytes, seconds: float = BOOT_SECONDS) -> None:
        assert self._line is not None
        deadline = Deadline.after(seconds)
        seen = b""
        while wanted not in seen or b"\n" not in seen[seen.index(wanted) :]:
            if not select.select([self._line], [], [], deadline.remaining)[0]:
                raise InfrastructureError(f"no {wanted!r} within {deadline}")
            received = self._line.recv(65536)
            if not received:
                raise InfrastructureError("the line is closed")
            seen += received


def raw_command(flash: Path, line: int) -> list[str]:
    """Return the QEMU command with the first UART on the socket with descriptor `line`."""
    return [
        *("qemu-system-aarch64", "-M", MACHINE, "-cpu", CPU, "-smp", str(PROCESSORS), "-m", MEMORY),
        *("-nodefaults", "-nographic", "-bios", str(flash)),
        *("-chardev", f"socket,id=line,fd={line}", "-serial", "chardev:line"),
    ]


def labgrid_environment(flash: Path) -> str:
    """Return a labgrid environment for the same machine, as in labgrid's documentation."""
    return f"""\
tools:
  qemu: qemu-system-aarch64
images:
  flash: {flash}
targets:
  main:
    drivers:
      QEMUDriver:
        qemu_bin: qemu
        machine: {MACHINE}
        cpu: {CPU}
        memory: {MEMORY}
        bios: flash
        extra_args: -smp {PROCESSORS} -nodefaults
"""


@contextlib.contextmanager
def running(implementation: Implementation) -> Iterator[None]:
    """Keep the board booted by an implementation during the block."""
    implementation.boot()
    try:
        yield
    finally:
        implementation.stop()


def _question() -> bytes:
    return frame.request(next(_numbers), "ping")


def _count() -> Iterator[int]:
    number = int.from_bytes(os.urandom(3)) + 1
    while True:
        number += 1
        yield number


_numbers = _count()


def _timed(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def _seconds_from_kill(pid: int, wait: Callable[[], None]) -> float:
    """Kill the emulator during `wait`, and return how long after that `wait` raised an error."""
    killed: list[float] = []

    def kill() -> None:
        killed.append(time.perf_counter())
        os.kill(pid, signal.SIGKILL)

    timer = threading.Timer(0.2, kill)
    timer.start()
    try:
        wait()
    except Exception:
        return time.perf_counter() - killed[0]
    finally:
        timer.join()
    raise InfrastructureError("the wait for a line that never comes ended without an error")
