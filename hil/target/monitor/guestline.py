"""The console of a Linux guest of the monitor, carried over the monitor's own serial line."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from hil.deadline import Deadline
from hil.errors import ConsoleClosed, ConsoleTimeout
from hil.target.monitor import abi

if TYPE_CHECKING:
    from hil.target.monitor.link import Link

_LARGEST_WRITE = 0x8000
_LOG_BYTES = 0x10000
_SEND_SECONDS = 60.0
# Added to the time that the monitor itself waits: for the way there and back.
_ANSWER = 10.0


class GuestState(IntEnum):
    """The state of a guest."""

    RUNNING = abi.LINUX_RUNNING
    OFF = abi.LINUX_OFF
    RESTARTED = abi.LINUX_RESTARTED
    STOPPED = abi.LINUX_STOPPED


@dataclass(frozen=True, slots=True)
class Loaded:
    """A file that was loaded into physical memory; address and size in bytes."""

    address: int
    size: int


class GuestLine:
    """A byte stream to and from the guest in a VM. Output of its kernel's early console is kept apart, for `tail`."""

    def __init__(self, link: Link, vm: int) -> None:
        self._link = link
        self._vm = vm
        self._log = b""
        self.name = f"guest in VM {vm}"
        self.state = GuestState.RUNNING
        """The state when the guest's console was last read."""

    def send(self, data: bytes) -> None:
        """Write all of `data`, which is lost if the guest has ended. Raises `ConsoleTimeout` if it does not read."""
        while data:
            piece = base64.b64encode(data[:_LARGEST_WRITE]).decode()
            taken = int(self._ask("type", Deadline.after(_SEND_SECONDS), piece), 16)
            data = data[taken:]
            if not taken:
                raise ConsoleTimeout(f"the {self.name} does not read its console", console=self.tail())

    def receive(self, deadline: Deadline) -> bytes:
        """Return at least one byte. Raises `ConsoleTimeout`, or `ConsoleClosed` if the guest has ended."""
        while True:
            state, *fields = self._ask("listen", deadline).split()
            said, log = map(_decoded, fields)
            self.state = GuestState(int(state, 16))
            self._log = (self._log + log)[-_LOG_BYTES:]
            if said:
                return said
            if self.state is not GuestState.RUNNING and not log:
                raise ConsoleClosed(f"the {self.name} is {self.state.name.lower()}", console=self.tail())
            if deadline.expired:
                raise ConsoleTimeout(f"nothing from the {self.name} within {deadline}", console=self.tail())

    def tail(self, lines: int = 20) -> tuple[str, ...]:
        """Return the last lines of the kernel's early console."""
        return tuple(self._log.decode(errors="replace").splitlines()[-lines:])

    def silence(self) -> None:
        """Return None: a silent guest does not show whose fault that is."""

    def stop(self) -> None:
        """End the guest, whatever it is doing."""
        self._link.ask(f"stop {self._vm:x}", Deadline.after(_ANSWER))

    def _ask(self, verb: str, deadline: Deadline, *words: str) -> str:
        microseconds = int(deadline.remaining * 1e6)
        request = " ".join([verb, f"{self._vm:x}", f"{microseconds:x}", *words])
        return self._link.ask(request, Deadline.after(deadline.remaining + _ANSWER))


def _decoded(field: str) -> bytes:
    return base64.b64decode(field.removeprefix("="))
