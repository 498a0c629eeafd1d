"""The other end of a guest's command loop (firmware/linux/guest/root/etc/commands), whatever carries its console."""

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
"""How long a guest may take to say that it is there; it has nothing else to do than that and its one command."""
_READY = b"guest: ready"


class GuestEnded(FirmwareError):
    """The guest, or what ran it, is no more."""


class GuestHang(FirmwareError):
    """The guest does not get anywhere, and what runs it is well."""


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
        self._run = secrets.token_hex(4)  # an answer to somebody who was there before is none to us
        self._commands = 0

    @step()  # type: ignore[untyped-decorator]
    def wait_ready(self, deadline: Deadline | None = None) -> None:
        """Wait until a guest that was just started takes commands.

        Raises `GuestEnded`, and `GuestHang` with what its kernel said.
        """
        try:
            self._await(_READY, deadline or Deadline.after(READY_SECONDS))
        except ConsoleTimeout as error:
            raise GuestHang(f"{self} did not come up: {error.message}", console=self.last_words()) from error

    @step(args=["command"])  # type: ignore[untyped-decorator]
    def run(
        self, command: str | Sequence[str], *, stdin: bytes = b"", check: bool = True, deadline: Deadline | None = None
    ) -> CommandResult:
        """Run a command to its end, with `stdin` as its whole input; as `Machine.run` does it.

        Raises `CommandFailed` for another status than 0 if `check`, `GuestEnded`, `CommandTimeout` when the guest is
        well and its command does not end, and `GuestHang` when it does not answer at all. After a timeout the guest
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
            message = f"`{line}` did not end in {self}, which is well: {error.message}"
            raise CommandTimeout(message, console=self.last_words()) from error
        status, output, errors = answer.split()[2:5]
        result = CommandResult(line, _decoded(output), _decoded(errors), int(status))
        return result.check() if check else result

    def shell(self) -> None:
        """Let the console be a shell, for a person; commands are taken again when that has ended."""
        self._send(b"shell\n")

    def last_words(self) -> tuple[str, ...]:
        """Return the last lines that the guest's kernel has said."""
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
                f"{self} hangs: neither `{line}` nor the question whether it is there was answered; {self._standing()}",
                console=self.last_words(),
                hint="what its kernel said last, and what the command does to it",
            ) from error

    def _standing(self) -> str:
        """Return how it is with what runs the guest."""
        return "what runs it is well"

    def _ended(self) -> HilError:
        """Return what has become of the guest, whose console has ended."""
        return GuestEnded(f"{self} ended", console=self.last_words())

    def _send(self, data: bytes) -> None:
        try:
            self._line.send(data)
        except ConsoleClosed as error:
            raise self._ended() from error

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
                raise self._ended() from error

    def __str__(self) -> str:
        return self.name


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _decoded(field: bytes) -> bytes:
    return base64.b64decode(field.removeprefix(b"="))
