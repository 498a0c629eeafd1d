"""The other end of a guest's command loop (firmware/linux/guest/root/etc/commands), whatever carries its console."""

from __future__ import annotations

import base64
import shlex
from typing import TYPE_CHECKING, Protocol

from labgrid.step import step

from hil.deadline import Deadline
from hil.errors import ConsoleClosed, ConsoleTimeout, FirmwareError
from hil.ssh.errors import CommandTimeout
from hil.ssh.process import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

READY_SECONDS = 90.0
COMMAND_SECONDS = 60.0
_READY = b"guest: ready"


class GuestEnded(FirmwareError):
    """The guest, or what ran it, is no more."""


class Line(Protocol):
    """What carries a guest's console."""

    def send(self, data: bytes) -> None:
        """Write all of `data`."""

    def receive(self, deadline: Deadline) -> bytes:
        """Return at least one byte. Raises `ConsoleTimeout`, and `ConsoleClosed` when there will be none."""

    def tail(self, lines: int = 20) -> tuple[str, ...]:
        """Return the last lines that the guest's kernel has said."""


class CommandLoop:
    """A guest that takes commands. They run one after the other, over its console."""

    def __init__(self, name: str, line: Line) -> None:
        self.name = name
        self._line = line
        self._said = b""
        self._commands = 0

    @step()  # type: ignore[untyped-decorator]
    def wait_ready(self, deadline: Deadline | None = None) -> None:
        """Wait until the guest takes commands. Raises `GuestEnded`, and `ConsoleTimeout` with what its kernel said."""
        self._await(_READY, deadline or Deadline.after(READY_SECONDS))

    @step(args=["command"])  # type: ignore[untyped-decorator]
    def run(
        self, command: str | Sequence[str], *, stdin: bytes = b"", check: bool = True, deadline: Deadline | None = None
    ) -> Result:
        """Run a command to its end, with `stdin` as its whole input; as `Machine.run` does it.

        Raises `CommandFailed` for another status than 0 if `check`, `CommandTimeout`, and `GuestEnded`. After a
        timeout the guest takes no further command before this one has ended.
        """
        line = command if isinstance(command, str) else shlex.join(command)
        self._commands += 1
        self._line.send(f"= {self._commands} ={_encoded(stdin)} ={_encoded(line.encode())}\n".encode())
        try:
            answer = self._await(f"guest: {self._commands} ".encode(), deadline or Deadline.after(COMMAND_SECONDS))
        except ConsoleTimeout as error:
            raise CommandTimeout(f"`{line}` did not end in the guest: {error.message}") from error
        status, output, errors = answer.split()[2:5]
        result = Result(line, _decoded(output), _decoded(errors), int(status))
        return result.check() if check else result

    def _await(self, start: bytes, deadline: Deadline) -> bytes:
        """Return the next line that starts like this; what comes before it is dropped."""
        while True:
            line, newline, rest = self._said.partition(b"\n")
            if newline:
                self._said = rest
                if line.startswith(start):
                    return line
                continue
            try:
                self._said += self._line.receive(deadline)
            except ConsoleClosed as error:
                raise GuestEnded(
                    "the guest ended", doing=f"waiting for `{start.decode()}`", console=self._line.tail()
                ) from error

    def __str__(self) -> str:
        return self.name


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _decoded(field: bytes) -> bytes:
    return base64.b64decode(field.removeprefix(b"="))
