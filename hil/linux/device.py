"""Remote use of a host's /dev/vtpm, through a program on the host that executes requests (firmware/linux/probe)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.account import TpmCommand, telling
from hil.deadline import Deadline
from hil.errors import FirmwareError
from hil.target.vtpm import ControlPage, abi
from hil.target.vtpm.queue import buffer_offset, entry_offset, u32
from hil.target.vtpm.transport import response_length

if TYPE_CHECKING:
    from hil.linux.machine import Machine

__all__ = [
    "DeviceError",
    "DeviceFile",
    "DeviceQueue",
    "DeviceUser",
    "MemoryFault",
]

PROGRAM = "vtpm-probe"
ANSWER_SECONDS = 60.0
MMAP_SHIFT = 20
"""VTPM_MMAP_SHIFT of vtpm_ioctl.h."""


class DeviceError(FirmwareError):
    """The host's kernel refused a request; `errno` is the name of the error, such as `ENOSPC`."""

    def __init__(self, request: str, errno: str) -> None:
        super().__init__(f"the host refused `{request}` with {errno}", doing="using /dev/vtpm")
        self.errno = errno


class MemoryFault(FirmwareError):
    """An access to memory failed with a signal; `signal` is its name, such as `BUS`."""

    def __init__(self, request: str, signal: str) -> None:
        super().__init__(f"`{request}` ended with SIG{signal}", doing="accessing a queue")
        self.signal = signal


class DeviceUser:
    """A process on the host that opens /dev/vtpm and maps queues."""

    def __init__(self, host: Machine) -> None:
        self._process = host.start(f"exec {PROGRAM}")
        self._answer = b""

    def __enter__(self) -> DeviceUser:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def kill(self) -> None:
        """Kill the process, as by kill -9."""
        self._process.stop()

    def ask(self, verb: str, *words: int | str) -> str:
        """Make a request and return the answer after `ok`. Raises `DeviceError` and `MemoryFault`."""
        request = " ".join([verb, *map(str, words)])
        self._process.send(request.encode() + b"\n")
        deadline = Deadline.after(ANSWER_SECONDS)
        while b"\n" not in self._answer:
            self._answer += self._process.receive(deadline)
        line, _, self._answer = self._answer.partition(b"\n")
        kind, _, said = line.decode().partition(" ")
        if kind == "error":
            raise DeviceError(request, said)
        if kind == "signal":
            raise MemoryFault(request, said)
        return said

    def number(self, verb: str, *words: int | str) -> int:
        """Make a request whose answer is a number."""
        return int(self.ask(verb, *words), 16)

    def open(self) -> DeviceFile:
        """Open /dev/vtpm, which makes a new VM."""
        return DeviceFile(self, self.number("open"))


@dataclass(frozen=True, slots=True)
class DeviceFile:
    """An open file of /dev/vtpm, which stands for one VM."""

    user: DeviceUser
    descriptor: int

    def create(self, index: int = 0, *, slots: int = 1, requirements: int = 0) -> DeviceQueue:
        """Create an instance and map its queue."""
        size = self.user.number("create", self.descriptor, index, slots, requirements)
        return DeviceQueue(self, index, slots, size, self.map(index, size))

    def name(self, name: bytes) -> None:
        """Give the VM a name of 16 bytes, under which it finds the instances that it had before."""
        self.user.ask("name", self.descriptor, name.hex())

    def take(self, index: int = 0, *, slots: int = 1) -> DeviceQueue:
        """Take back an instance that the VM had before, and map its queue with this number of slots."""
        size = self.user.number("take", self.descriptor, index)
        return DeviceQueue(self, index, slots, size, self.map(index, size))

    def map(self, index: int, size: int, *, offset: int = 0, how: str = "map") -> int:
        """Map `size` bytes of an instance's queue and return where; `how` is a request of the probe."""
        return self.user.number(how, self.descriptor, (index << MMAP_SHIFT) + offset, size)

    def call(self, verb: str, *numbers: int) -> None:
        """Make a call without an answer: `place`, `ring`, `reset`, `destroy`."""
        self.user.ask(verb, self.descriptor, *numbers)

    def close(self) -> None:
        """Close the file. The VM ends once none of its queues is mapped and no other process has the file open."""
        self.user.ask("close", self.descriptor)


@dataclass(frozen=True, slots=True)
class DeviceQueue:
    """An instance with its queue mapped at `va` in the user's address space."""

    file: DeviceFile
    index: int
    slots: int
    size: int
    va: int

    def read(self, offset: int, size: int) -> bytes:
        """Read from the queue."""
        return bytes.fromhex(self.file.user.ask("read", self.va + offset, size))

    def write(self, offset: int, data: bytes) -> None:
        """Write to the queue."""
        self.file.user.ask("write", self.va + offset, data.hex())

    def unmap(self) -> None:
        """Unmap the queue. A closed file stays in use as long as one of its queues is mapped."""
        self.file.user.ask("unmap", self.va, self.size)

    def control_page(self) -> ControlPage:
        """Return the control page."""
        return ControlPage.parse(self.read(0, abi.VTPM_PAGE_BYTES))

    def call(self, verb: str, *numbers: int) -> None:
        """Make a call about this instance: `place`, `ring`, `reset`, `destroy`."""
        self.file.call(verb, self.index, *numbers)

    def transmit(self, command: bytes) -> bytes:
        """Send one command through the ring and return its response."""
        with telling(TpmCommand("/dev/vtpm", command)) as told:
            told.response = self._ring(command)
        return told.response

    def _ring(self, command: bytes) -> bytes:
        head = self.control_page().head
        slot = head % self.slots
        self.write(buffer_offset(slot), command)
        self.write(entry_offset(slot), u32(abi.VTPM_SLOT_SUBMITTED) + u32(len(command)))
        self.write(abi.VTPM_RING_HEAD, u32((head + 1) & 0xFFFFFFFF))
        self.call("ring")
        return self.read(buffer_offset(slot), response_length(self.control_page().entries[slot]))
