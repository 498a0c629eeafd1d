"""The client of a guest's command loop (firmware/linux/guest/root/etc/commands), over any kind of console."""

from __future__ import annotations

import base64
import secrets
import shlex
from typing import TYPE_CHECKING, Protocol

from labgrid.step import step

from hil.board.ssh.errors import CommandTimeout
from hil.board.ssh.process import CommandResult
from hil.deadline import Deadline
from hil.errors import ConsoleClosed, ConsoleTimeout, FirmwareError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.errors import HilError

READY_SECONDS = 90.0
COMMAND_SECONDS = 60.0
ALIVE_SECONDS = 30.0
"""How long a guest may take to say that it is alive, while it runs at most one command."""
_READY = b"guest: ready"


class GuestEnded(FirmwareError):
    """The guest or its VMM has ended."""


class GuestHang(FirmwareError):
    """The guest does not answer, while its VMM or monitor works."""


class ConsoleLine(Protocol):
    """The stream that carries a guest's console."""

    def send(self, data: bytes) -> None:
        """Write all of `data`."""

    def receive(self, deadline: Deadline) -> bytes:
        """Return at least one byte. Raises `ConsoleTimeout`, and `ConsoleClosed` at the end of the stream."""

    def tail(self, lines: int = 20) -> tuple[str, ...]:
        """Return the last lines of the guest's kernel."""


class CommandLoop:
    """A guest that takes commands over its console, one after the other."""

    def __init__(self, name: str, line: ConsoleLine) -> None:
        self.name = name
        self._line = line
        self._said = b""
        self._run = secrets.token_hex(4)  # answers to an earlier user of the console must not match
        self._commands = 0

    @step()  # type: ignore[untyped-decorator]
    def wait_ready(self, deadline: Deadline | None = None) -> None:
        """Wait until a guest that was just started is ready for commands.

        Raises `GuestEnded`, and `GuestHang` with the last lines of its kernel.
        """
        try:
            self._await(_READY, deadline or Deadline.after(READY_SECONDS))
        except ConsoleTimeout as error:
            raise GuestHang(f"{self} did not come up: {error.message}", console=self.last_words()) from error

    @step(args=["command"])  # type: ignore[untyped-decorator]
    def run(
        self, command: str | Sequence[str], *, stdin: bytes = b"", check: bool = True, deadline: Deadline | None = None
    ) -> CommandResult:
        """Run a command to its end, with `stdin` as its whole input, like `Machine.run`.

        Raises `CommandFailed` for a status other than 0 if `check`, `GuestEnded`, `CommandTimeout` if the guest is
        alive but its command does not end, and `GuestHang` if it does not answer at all. After a timeout the guest
        takes no further command before this one has ended.
        """
        line = command if isinstance(command, str) else shlex.join(command)
        self._commands += 1
        number = f"{self._run}-{self._commands}"
        self._send(f"= {number} ={_encoded(stdin)} ={_encoded(line.encode())}\n".encode())
        try:
            answer = self._await(f"guest: {number} ".encode(), deadline or Deadline.after(COMMAND_SECONDS))
        except ConsoleTimeout as error:
            self._require_alive(line)
            message = f"`{line}` did not end in {self}, which is alive: {error.message}"
            raise CommandTimeout(message, console=self.last_words()) from error
        status, output, errors = answer.split()[2:5]
        result = CommandResult(line, _decoded(output), _decoded(errors), int(status))
        return result.check() if check else result

    def shell(self) -> None:
        """Turn the console into a shell for a person. When the shell ends, the guest takes commands again."""
        self._send(b"shell\n")

    def last_words(self) -> tuple[str, ...]:
        """Return the last lines of the guest's kernel."""
        return self._line.tail()

    def _require_alive(self, line: str) -> None:
        """Raise `GuestHang` if the guest does not answer while `line` runs in it."""
        self._commands += 1
        number = f"{self._run}-{self._commands}"
        self._send(f"? {number}\n".encode())
        try:
            self._await(f"guest: {number} alive".encode(), Deadline.after(ALIVE_SECONDS))
        except ConsoleTimeout as error:
            raise GuestHang(
                f"{self} hangs: it answers neither `{line}` nor whether it is alive; {self._describe_host()}",
                console=self.last_words(),
                hint="see the last lines of its kernel, and what the command does",
            ) from error

    def _describe_host(self) -> str:
        """Return the state of what runs the guest, in words."""
        return "its hypervisor answers"

    def _ended(self) -> HilError:
        """Return the error for the end of the guest's console."""
        return GuestEnded(f"{self} ended", console=self.last_words())

    def _send(self, data: bytes) -> None:
        try:
            self._line.send(data)
        except ConsoleClosed as error:
            raise self._ended() from error

    def _await(self, start: bytes, deadline: Deadline) -> bytes:
        """Return the next line with this beginning, and drop all lines before it."""
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
                raise self._ended() from error

    def __str__(self) -> str:
        return self.name


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _decoded(field: bytes) -> bytes:
    return base64.b64decode(field.removeprefix(b"="))
