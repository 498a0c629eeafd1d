"""A QEMU process: its serial lines, control connection and stderr, and why it ended."""

from __future__ import annotations

import contextlib
import os
import re
import select
import shlex
import shutil
import signal
import socket
import subprocess
import threading
from typing import TYPE_CHECKING

import psutil

from hil.board.drivers.alarm import Alarm
from hil.board.drivers.machinememory import has_memory
from hil.board.drivers.qmp import Qmp
from hil.board.drivers.uart import Uart
from hil.deadline import Deadline
from hil.errors import BoardDied, ConsoleClosed, HilError, InfrastructureError, UnexpectedPowerOff
from hil.tools import missing_tool

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from hil.board.drivers.machinememory import MachineMemory
    from hil.board.drivers.nvram import NvramFile
    from hil.record.transcript import Transcript

STDERR_TAIL_BYTES = 4096
_PROGRAM_COUNTER = re.compile(r"\bPC=([0-9a-f]{16})")
_LEVEL = re.compile(r"\b(EL[0-3])[ht]\b")
START_SECONDS = 20.0
CONTROL_SECONDS = 10.0
TRANSFER_SECONDS = 60.0
END_SECONDS = 5.0


class Emulator:
    """A QEMU process that waits before its first instruction until `run`.

    QEMU inherits one end of a socket pair for each serial line and for control. So no output is lost, because the lines
    are attached before the process exists, and there are no ports or paths to clash over. A reader thread empties the
    lines and stderr at all times, because QEMU halts the machine when a line is full. The process has its own process
    group, and the kernel kills it when the thread that started it ends (PDEATHSIG), so start it in a thread that lives
    as long as the board.
    """

    def __init__(
        self,
        command: Sequence[str],
        transcripts: Mapping[str, Transcript],
        *,
        incoming: Path | None = None,
        inherited: Sequence[int] = (),
        nvram: NvramFile | None = None,
        memory: MachineMemory | None = None,
    ) -> None:
        """Start `command` with one serial port for each transcript, in order.

        `incoming` is a saved state to load before `run`, `inherited` are the descriptors that the command refers to.
        `nvram` is a file that it refers to, too, and that this machine alone writes to; `memory` is its RAM, if that is
        a file, which is this machine's or that of the saved state.
        """
        self.nvram = nvram
        self._memory = memory
        inherited = [*inherited, *([nvram.fd] if nvram else [])]
        if memory and memory.descriptor is not None:
            inherited.append(memory.descriptor)
        arguments_of_memory = memory.arguments if memory else []
        self.alarm = Alarm()
        self.uarts: dict[str, Uart] = {}
        self._stderr = b""
        lines, theirs, arguments = _serial_lines(transcripts)
        control, their_control = socket.socketpair()
        theirs.append(their_control)
        arguments += [
            "-chardev",
            f"socket,id=control,fd={their_control.fileno()}",
            "-mon",
            "chardev=control,mode=control",
        ]
        if incoming:
            arguments += ["-incoming", "defer"]
        self._process = _spawn([*command, *arguments_of_memory, "-S", *arguments], theirs, inherited)
        for name, transcript in transcripts.items():
            self.uarts[name] = Uart(name, lines[name], transcript, self.alarm, self.processors)
        self.qmp = Qmp(control, self.alarm, self._describe)
        self._load = self._post_load(incoming) if incoming else None
        self._stop = os.eventfd(0, os.EFD_CLOEXEC)
        self._reader = threading.Thread(target=self._read_all, name=f"qemu-{self.pid}", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The process ID, which is also that of the process group."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process runs, and the alarm has not rung."""
        return not self.alarm.ringing and self._process.poll() is None

    def load(self) -> None:
        """Wait until the saved state, if any, is loaded; the processors stay halted."""
        if self._load is not None:
            posts, self._load = self._load, None
            deadline = Deadline.after(TRANSFER_SECONDS)
            for posted in posts:
                self.qmp.answer(posted, deadline)
            self._await_migration("load the snapshot", deadline)

    def run(self) -> None:
        """Wait until QEMU is up and the saved state, if any, is loaded; then start the processors."""
        self.load()
        self.qmp.execute("cont", deadline=Deadline.after(START_SECONDS))

    def stop(self) -> None:
        """Halt the processors."""
        self.qmp.execute("stop", deadline=Deadline.after(CONTROL_SECONDS))

    def cont(self) -> None:
        """Start the processors again."""
        self.qmp.execute("cont", deadline=Deadline.after(CONTROL_SECONDS))

    def reset(self) -> None:
        """Reset the machine, as its reset button would."""
        self.qmp.execute("system_reset", deadline=Deadline.after(CONTROL_SECONDS))

    def save(self, path: Path) -> None:
        """Write RAM and devices to `path`; the processors stay halted."""
        self.stop()
        deadline = Deadline.after(TRANSFER_SECONDS)
        own = self._memory if self._memory and self._memory.descriptor is not None else None
        uri = _uri(path, own.size if own else 0)
        for posted in (self._post_capabilities(shared=own is not None), self.qmp.post("migrate", {"uri": uri})):
            self.qmp.answer(posted, deadline)
        self._await_migration("save the snapshot", deadline)
        if own:
            own.write(path)

    def processors(self) -> str:
        """Return exception level and address of each processor in words, or "" if the machine does not run."""
        try:
            deadline = Deadline.after(CONTROL_SECONDS)
            if self.qmp.execute("query-status", deadline=deadline)["status"] != "running":
                return ""
            command = {"command-line": "info registers -a"}
            registers = self.qmp.execute("human-monitor-command", command, deadline=deadline)
        except HilError:
            return ""
        found = zip(_PROGRAM_COUNTER.findall(registers), _LEVEL.findall(registers), strict=False)
        return ", ".join(f"CPU {cpu} at {level} in {int(pc, 16):#x}" for cpu, (pc, level) in enumerate(found))

    def off(self) -> None:
        """End the process. SIGKILL also ends a process that is stopped or hangs, which QEMU's own command would not."""
        self.alarm.ring(lambda: ConsoleClosed("the board is off"))
        self._process.kill()
        os.eventfd_write(self._stop, 1)
        self._reader.join(END_SECONDS)
        self._process.wait(END_SECONDS)
        for uart in self.uarts.values():
            uart.close()
        self.qmp.close()
        os.close(self._stop)
        if self._memory:
            self._memory.close()

    def _post_capabilities(self, *, shared: bool) -> int:
        """Have QEMU report how a migration goes on, and leave RAM out that is `shared` with a file."""
        states = {"events": True, "x-ignore-shared": shared}
        capabilities = [{"capability": name, "state": state} for name, state in states.items()]
        return self.qmp.post("migrate-set-capabilities", {"capabilities": capabilities})

    def _post_load(self, path: Path) -> tuple[int, ...]:
        behind = self._memory.size if self._memory and has_memory(path, self._memory.size) else 0
        uri = _uri(path, behind)
        return self._post_capabilities(shared=bool(behind)), self.qmp.post("migrate-incoming", {"uri": uri})

    def _await_migration(self, doing: str, deadline: Deadline) -> None:
        ended = ("completed", "failed")
        report = self.qmp.await_event("MIGRATION", lambda data: data.get("status") in ended, deadline)
        if report["status"] == "failed":
            raise InfrastructureError(f"QEMU could not {doing}", hint="remove the snapshot and run again")

    def _read_all(self) -> None:
        """Thread: empty lines and stderr until the process ends or the board is switched off."""
        try:
            self._read_until_end()
        except Exception as error:  # otherwise the end of this thread would look like a silent board
            why = f"the reader of the serial lines failed: {error!r}"
            self.alarm.ring(lambda: InfrastructureError(why))

    def _read_until_end(self) -> None:
        stderr = self._process.stderr
        assert stderr is not None
        os.set_blocking(stderr.fileno(), False)
        end = os.pidfd_open(self.pid)
        with select.epoll() as poll:
            handlers: dict[int, Callable[[], None]] = {}
            for uart in self.uarts.values():
                handlers[uart.fileno()] = uart.drain
                poll.register(uart, select.EPOLLIN | select.EPOLLONESHOT)
                uart.on_idle(_rearming(poll, uart.fileno()))
            poll.register(stderr, select.EPOLLIN)
            poll.register(end, select.EPOLLIN)
            poll.register(self._stop, select.EPOLLIN)
            running = True
            while running:
                for fd, _ in poll.poll():
                    if fd in handlers:
                        handlers[fd]()
                    elif fd in (end, self._stop):
                        running = False
                    elif not self._read_stderr(stderr.fileno()):
                        poll.unregister(stderr)
        os.close(end)
        self._process.wait(END_SECONDS)
        self._read_stderr(stderr.fileno())
        stderr.close()
        for uart in self.uarts.values():
            uart.drain()
        self.alarm.ring(self._death)

    def _read_stderr(self, fd: int) -> bool:
        with contextlib.suppress(BlockingIOError):
            while data := os.read(fd, 65536):
                self._stderr = (self._stderr + data)[-STDERR_TAIL_BYTES:]
            return False
        return True

    def _death(self) -> HilError:
        said = self._stderr.decode(errors="replace").strip().splitlines()[-12:]
        quoted = "".join(f"\n  stderr: {line}" for line in said)
        status = self._process.returncode
        if status < 0:
            killer = "who killed it? the kernel says so in dmesg when memory ran out"
            return BoardDied(f"QEMU was killed by {signal.Signals(-status).name}{quoted}", hint=killer)
        shutdown = [event["data"] for event in self.qmp.last_words() if event["event"] == "SHUTDOWN"]
        if shutdown and shutdown[-1].get("guest"):
            return UnexpectedPowerOff(f"the firmware switched the board off ({shutdown[-1].get('reason')}){quoted}")
        return BoardDied(f"QEMU exited with status {status}{quoted}", hint="check the arguments in the board file")

    def _describe(self) -> str:
        try:
            return f"process {self.pid} is {psutil.Process(self.pid).status()}"
        except psutil.NoSuchProcess:
            return f"process {self.pid} is gone"


def _uri(path: Path, offset: int) -> str:
    return f"file:{path},offset={offset:#x}" if offset else f"file:{path}"


def _serial_lines(names: Mapping[str, Transcript]) -> tuple[dict[str, socket.socket], list[socket.socket], list[str]]:
    ours: dict[str, socket.socket] = {}
    theirs: list[socket.socket] = []
    arguments: list[str] = []
    for name in names:
        ours[name], other = socket.socketpair()
        theirs.append(other)
        arguments += ["-chardev", f"socket,id={name},fd={other.fileno()}", "-serial", f"chardev:{name}"]
    return ours, theirs, arguments


def _spawn(
    command: Sequence[str], theirs: Sequence[socket.socket], inherited: Sequence[int]
) -> subprocess.Popen[bytes]:
    for program in (command[0], "setpriv"):
        if shutil.which(program) is None:
            raise missing_tool(program, doing="starting the emulator")
    try:
        return subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            pass_fds=[*inherited, *(end.fileno() for end in theirs)],
            process_group=0,
        )
    except OSError as error:
        raise InfrastructureError(f"cannot start {shlex.join(command)}: {error}") from error
    finally:
        for end in theirs:
            end.close()


def _rearming(poll: select.epoll, fd: int) -> Callable[[], None]:
    def rearm() -> None:
        if not poll.closed:
            with contextlib.suppress(OSError, ValueError):
                poll.modify(fd, select.EPOLLIN | select.EPOLLONESHOT)

    return rearm
