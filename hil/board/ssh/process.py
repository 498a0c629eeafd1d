"""A command that runs on the target."""

from __future__ import annotations

import contextlib
import threading
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hil.board.ssh.channel import BROKEN, Arrivals, close, send_signal
from hil.deadline import Deadline
from hil.errors import CommandFailed, CommandTimeout, ConsoleClosed, ConsoleTimeout

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from paramiko import Channel

    from hil.board.ssh.session import Session

_READ = 1 << 20
_ENDING_SECONDS = 5.0
"""How long a server may take to answer after a command took too long; this decides whose fault that was."""
_SIGNAL_SECONDS = 0.5
"""How long a command may take to end after a signal."""
_LEFT_SECONDS = 0.5
"""How long the output of a command that has ended may be quiet, before the server is asked whether there is more."""
_LOOK_SECONDS = 1.0
"""How often to look whether a quiet command has ended: its status alone wakes nobody up."""
_QUOTED_LINES = 20
ENDED_BY_SIGNAL = -1


@dataclass(frozen=True, slots=True)
class CommandResult:
    """The output of a command, and its exit status, or `ENDED_BY_SIGNAL`.

    `left_open`: the command has ended, but what it started keeps its output open, and is not waited for.
    """

    command: str
    stdout: bytes
    stderr: bytes
    status: int
    left_open: bool = False

    @property
    def text(self) -> str:
        """Stdout as text, without the newline at its end."""
        return self.stdout.decode(errors="replace").removesuffix("\n")

    @property
    def lines(self) -> list[str]:
        """The lines of stdout."""
        return self.stdout.decode(errors="replace").splitlines()

    def check(self) -> CommandResult:
        """Return this result. Raises `CommandFailed` if the status is not 0."""
        if self.status == 0:
            return self
        ended = "was ended by a signal" if self.status == ENDED_BY_SIGNAL else f"ended with status {self.status}"
        said = (self.stderr or self.stdout).decode(errors="replace").splitlines()
        last = f": {said[-1]}" if said else ""
        raise CommandFailed(f"`{_short(self.command)}` {ended}{last}", console=said[-_QUOTED_LINES:])


class Process:
    """A running command. It is also the `hil.console.ByteStream` of its stdin and stdout."""

    def __init__(self, session: Session, channel: Channel, command: str, stdin: bytes | None = None) -> None:
        self.command = command
        self._session = session
        self._channel: Any = channel
        self._arrivals = Arrivals(channel)
        self._stdout = bytearray()
        self._stderr = bytearray()
        self._received = 0
        if stdin:
            threading.Thread(target=self._feed, args=(stdin,), name="ssh-stdin", daemon=True).start()
        elif stdin is not None:
            self.end_input()

    @property
    def name(self) -> str:
        """The command."""
        return self.command

    @property
    def running(self) -> bool:
        """Whether the command still runs, as far as is known."""
        return not self._channel.exit_status_ready()

    @property
    def status(self) -> int | None:
        """The exit status, once it is known."""
        self._channel.status_event.wait(_SIGNAL_SECONDS)
        return None if self.running else int(self._channel.exit_status)

    def wait(self, deadline: Deadline) -> CommandResult:
        """Wait until the command has ended, and return the result.

        What it leaves running is not waited for, even if that keeps the output open. At the deadline, ends the command
        and raises `CommandTimeout`. Raises an error of the connection at once.
        """
        while not self._drained:
            ended = not self.running
            if deadline.expired and not ended:
                raise self._late(deadline)
            if self._collect(deadline.at_most(_LEFT_SECONDS if ended else _LOOK_SECONDS)):
                continue
            if ended and not self._drained and self._session.ask(Deadline.after(_ENDING_SECONDS)):
                if self._collect(Deadline.after(0)):
                    continue
                return self._left()
        if not self._channel.status_event.wait(deadline.remaining):
            raise self._late(deadline)
        status = int(self._channel.exit_status)
        close(self._channel)
        if status == ENDED_BY_SIGNAL or not self._channel.eof_received:
            self._see_whether_dropped()
        return CommandResult(self.command, bytes(self._stdout), bytes(self._stderr), status)

    def send(self, data: bytes) -> None:
        """Write to stdin. Raises `ConsoleClosed` if the command no longer reads it."""
        try:
            self._channel.settimeout(_ENDING_SECONDS)
            self._channel.sendall(data)
        except BROKEN as error:
            self._see_whether_dropped()
            raise ConsoleClosed(f"`{_short(self.command)}` does not read its input") from error

    def end_input(self) -> None:
        """Close stdin."""
        with contextlib.suppress(*BROKEN):
            self._channel.shutdown_write()

    def receive(self, deadline: Deadline) -> bytes:
        """Wait for new output on stdout, and return at least one byte.

        Raises `ConsoleTimeout` at the deadline, `ConsoleClosed` at the end of the output.
        """
        while len(self._stdout) == self._received:
            if self._drained:
                self._see_whether_dropped()
                raise ConsoleClosed(f"`{_short(self.command)}` has ended its output", console=self.tail())
            if not self._collect(deadline):
                raise ConsoleTimeout(f"`{_short(self.command)}` said nothing for {deadline}", console=self.tail())
        new = bytes(self._stdout[self._received :])
        self._received = len(self._stdout)
        return new

    def receive_until(self, enough: Callable[[bytes, bytes], bool], deadline: Deadline) -> bool:
        """Collect stdout and stderr until `enough` accepts them; return False at the deadline.

        Raises `ConsoleClosed` if the output ends before.
        """
        while not enough(bytes(self._stdout), bytes(self._stderr)):
            if self._drained:
                self._see_whether_dropped()
                raise ConsoleClosed(f"`{_short(self.command)}` has ended its output", console=self.tail())
            if not self._collect(deadline) or deadline.expired:
                return enough(bytes(self._stdout), bytes(self._stderr))
        return True

    def take(self) -> tuple[bytes, bytes]:
        """Return stdout and stderr collected so far, and forget them."""
        taken = bytes(self._stdout), bytes(self._stderr)
        self._stdout.clear()
        self._stderr.clear()
        self._received = 0
        return taken

    def tail(self, lines: int = _QUOTED_LINES) -> tuple[str, ...]:
        """Return the last lines of stdout and stderr."""
        said = (self._stdout + self._stderr).decode(errors="replace")
        return tuple(said.splitlines()[-lines:])

    def silence(self) -> None:
        """Return None: a silent command does not show whose fault that is."""

    def stop(self, signal: str = "KILL") -> None:
        """Send a signal, and close the channel, which ends most commands if the server ignores signals."""
        if self.running:
            send_signal(self._channel, signal)
            self._channel.status_event.wait(_SIGNAL_SECONDS)
        close(self._channel)

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def _drained(self) -> bool:
        channel = self._channel
        return bool(
            (channel.eof_received or channel.closed) and not channel.recv_ready() and not channel.recv_stderr_ready()
        )

    def _collect(self, deadline: Deadline) -> bool:
        """Wait for new output, and collect it; return False at the deadline.

        What a call leaves, because it is too much for it, the next one takes: no event announces that again.
        """
        channel = self._channel
        if not (channel.recv_ready() or channel.recv_stderr_ready() or self._arrivals.take(deadline)):
            return False
        if channel.recv_ready():
            self._stdout += channel.recv(_READ)
        if channel.recv_stderr_ready():
            self._stderr += channel.recv_stderr(_READ)
        return True

    def _left(self) -> CommandResult:
        """Return the result of a command that has ended, while something else keeps its output open."""
        close(self._channel)
        status = int(self._channel.exit_status)
        warn_of_what_is_left(self.command, status, "it goes on running, without output")
        return CommandResult(self.command, bytes(self._stdout), bytes(self._stderr), status, left_open=True)

    def _late(self, deadline: Deadline) -> Exception:
        """End the command, and return the error that says why it was late."""
        self.stop()
        return late(self._session, self.command, deadline, self.tail())

    def _see_whether_dropped(self) -> None:
        """Raise the connection's error if the channel ended because of it, rather than because of the command."""
        if not self._session.ask(Deadline.after(_ENDING_SECONDS)):
            raise self._session.failure(f"running `{_short(self.command)}`")

    def _feed(self, data: bytes) -> None:
        with contextlib.suppress(*BROKEN):  # the command may end before it has read everything
            self._channel.sendall(data)
            self._channel.shutdown_write()


def warn_of_what_is_left(command: str, status: int, fate: str) -> None:
    """Warn that something which a command started keeps the output open; `fate` says what happens to it."""
    warnings.warn(
        f"`{_short(command)}` ended with status {status}, but what it started keeps its output open; {fate}. To let it "
        "run: `COMMAND >/dev/null 2>&1 </dev/null &`",
        stacklevel=2,
    )


def late(session: Session, command: str, deadline: Deadline, tail: Sequence[str]) -> Exception:
    """Return the error for a command that was killed because it was late; `tail` is the end of its output.

    This is the connection's error if that has failed, and `CommandTimeout` otherwise.
    """
    if not session.ask(Deadline.after(_ENDING_SECONDS)):
        return session.failure(f"running `{_short(command)}`")
    return CommandTimeout(
        f"`{_short(command)}` did not end within {deadline}; it was killed",
        board=session.endpoint.board,
        console=tail,
        hint="give it more time, or find out what it waits for",
    )


def _short(command: str) -> str:
    """Shorten a command for messages."""
    first, more, _ = command.partition("\n")
    return first[:100] + ("…" if more or len(first) > 100 else "")
