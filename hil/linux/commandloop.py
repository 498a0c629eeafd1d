"""The client of a guest's command loop (firmware/linux/commands), over any kind of console."""

from __future__ import annotations

import base64
import secrets
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from labgrid.step import step

from hil.account import MachineCommand, telling
from hil.board.ssh.process import CommandResult
from hil.deadline import Deadline
from hil.errors import CommandFailed, CommandTimeout, ConsoleClosed, ConsoleTimeout, FirmwareError, InfrastructureError
from hil.headers import firmware_header, read_defines
from hil.linux import guestfiles
from hil.linux.dialogue import Dialogue
from hil.target.monitor import frame

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.errors import HilError
    from hil.linux.dialogue import ConsoleLine

READY_SECONDS = 90.0
COMMAND_SECONDS = 60.0
ALIVE_SECONDS = 30.0
"""How long a guest may take to say that it is alive, while it runs at most one command."""
FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 8.0
"""For how long the guest is asked to wait for the end of a command, before it says that the command is running. The
time doubles from the first to the longest: a lost answer costs that much, and a busy guest is not asked too often."""
_CONSTANTS = read_defines(firmware_header("linux/commands/guest_commands.h"))
_MOST_BYTES = _CONSTANTS["COMMANDS_MOST_BYTES"]
_LEAST_BYTES = 256
_READY = b"guest: ready"
_WHOLE = (
    "cd / && { [ ! -e .initramfs-begins ] || [ -e '~initramfs-ends' ] || "
    "{ echo 'its last file is missing'; false; }; } && ! dmesg 2>&1 | grep -m 1 'Initramfs unpacking failed'"
)
"""Tells whether the guest has all files of its initramfs: ours has a first and a last one by which to know that."""
_MICROSECONDS = 1_000_000


class GuestEnded(FirmwareError):
    """The guest or its VMM has ended."""


class GuestHang(FirmwareError):
    """The guest does not answer, while its VMM or monitor works."""


class GuestConsoleDamaged(InfrastructureError):
    """The guest answers, but every answer is damaged: something else writes on its console, or the line loses bytes."""


class GuestIncomplete(InfrastructureError):
    """The guest runs, but without a part of its initramfs."""


class CommandLoop:
    """A guest that takes commands over its console, one after the other."""

    ACCOUNTED: ClassVar = ("run",)
    """Steps that the account of a test has already."""

    def __init__(self, name: str, line: ConsoleLine) -> None:
        self.name = name
        self._line = line
        self._dialogue = Dialogue(line)
        self._piece = _MOST_BYTES
        """How many bytes an answer may carry: fewer where something else writes on the console all the time."""

    @step()  # type: ignore[untyped-decorator]
    def wait_ready(self, deadline: Deadline | None = None) -> None:
        """Wait until a guest that was just started is ready for commands.

        Raises `GuestEnded`, `GuestHang` with the last lines of its kernel, and `GuestIncomplete` if its initramfs was
        cut short.
        """
        try:
            self._dialogue.wait_for(_READY, deadline or Deadline.after(READY_SECONDS))
        except ConsoleClosed as error:
            raise self._ended() from error
        except ConsoleTimeout as error:
            raise GuestHang(f"{self} did not come up: {error.message}", console=self.last_words()) from error
        version = self._require_alive("it said that it is ready, but does not answer")
        if version != f"ok {_CONSTANTS['COMMANDS_VERSION']:x}":
            raise InfrastructureError(
                f"the command loop of {self} has another version than this package: {version}",
                hint="build the guest's initramfs from this checkout (hil build)",
            )
        self._require_whole()

    @step(args=["command"])  # type: ignore[untyped-decorator]
    def run(
        self, command: str | Sequence[str], *, stdin: bytes = b"", check: bool = True, deadline: Deadline | None = None
    ) -> CommandResult:
        """Run a command to its end, with `stdin` as its whole input, like `Machine.run`.

        Raises `CommandFailed` for a status other than 0 if `check`, `GuestEnded`, `CommandTimeout` if the guest is
        alive but its command does not end, `GuestHang` if it does not answer at all, and `GuestConsoleDamaged` if no
        answer comes undamaged. After a timeout the guest takes no further command before this one has ended.
        """
        line = command if isinstance(command, str) else shlex.join(command)
        self._dialogue.damaged = 0
        with telling(MachineCommand(str(self), line)) as told:
            try:
                result = self._run(line, stdin, deadline or Deadline.after(COMMAND_SECONDS))
            except ConsoleClosed as error:
                raise self._ended() from error
            told.stdout, told.stderr, told.status = result.stdout, result.stderr, result.status
        return result.check() if check else result

    @step(args=["local", "remote"])  # type: ignore[untyped-decorator]
    def put(self, local: Path | str, remote: str, *, deadline: Deadline | None = None) -> None:
        """Copy a file into the guest, and compare. Raises `TransferFailed` and `RemoteFileError`."""
        guestfiles.put(self, Path(local), remote, deadline)

    @step(args=["remote", "local"])  # type: ignore[untyped-decorator]
    def get(self, remote: str, local: Path | str, *, deadline: Deadline | None = None) -> Path:
        """Copy a file out of the guest, and return its local path. Raises `TransferFailed` and `RemoteFileError`."""
        return guestfiles.get(self, remote, Path(local), deadline)

    def shell(self) -> None:
        """Turn the console into a shell for a person. When the shell ends, the guest takes commands again."""
        try:
            self._line.send(b"shell\n")
        except ConsoleClosed as error:
            raise self._ended() from error

    def last_words(self) -> tuple[str, ...]:
        """Return the last lines of the guest's kernel."""
        return self._line.tail()

    def _run(self, line: str, stdin: bytes, deadline: Deadline) -> CommandResult:
        job = self._dialogue.next_number()
        status, *lengths, output, errors = self._outcome(job, line, stdin, deadline).split()[2:]
        sizes = [int(length, 16) for length in lengths]
        # The command has ended in time; a transfer that goes on is no reason to blame it.
        rest = Deadline.after(max(deadline.remaining, ALIVE_SECONDS))
        stdout = self._stream(job, _CONSTANTS["COMMANDS_OUTPUT"], _decoded(output), sizes[0], rest)
        stderr = self._stream(job, _CONSTANTS["COMMANDS_ERRORS"], _decoded(errors), sizes[1], rest)
        return CommandResult(line, stdout, stderr, int(status, 16))

    def _outcome(self, job: int, line: str, stdin: bytes, deadline: Deadline) -> str:
        """Start a job and wait for its end; return the guest's answer, which says how it ended."""
        command = f"={_encoded(stdin)} ={_encoded(line.encode())}"
        wait, known = FIRST_WAIT_SECONDS, False
        while True:
            wait = min(wait, deadline.remaining)
            numbers = f"{job:x} {int(wait * _MICROSECONDS):x} {self._piece // 2:x}"
            answer = self._dialogue.ask(f"await {numbers}" if known else f"run {numbers} {command}", wait)
            if answer is None:
                known = True  # perhaps: `unknown` tells otherwise, and costs less than the whole input once more
                self._shrink()
            elif answer.startswith("ok ended"):
                return answer
            elif answer.startswith("err space"):
                raise CommandFailed(f"`{line}` was not started in {self}: {answer}", console=self.last_words())
            else:
                known = answer == "ok running"
                wait = min(2 * wait, LONGEST_WAIT_SECONDS)
            if deadline.expired:
                if answer is None:
                    self._require_alive(f"it answers neither `{line}`")
                message = f"`{line}` did not end in {self} within {deadline}, which is alive"
                raise CommandTimeout(message, console=self.last_words())

    def _stream(self, job: int, stream: int, data: bytes, size: int, deadline: Deadline) -> bytes:
        """Return a stream of a job that has ended, of which `data` is known, piece by piece."""
        while len(data) < size:
            answer = self._dialogue.ask(f"read {job:x} {stream:x} {len(data):x} {self._piece:x}")
            if answer is not None and answer.startswith("ok ="):
                data += _decoded(answer.removeprefix("ok "))
                self._piece = min(self._piece + self._piece // 4, _MOST_BYTES)
                continue
            self._shrink()
            if deadline.expired:
                raise self._silence(f"its output is not to be had: {answer or 'no answer'}")
        return data

    def _shrink(self) -> None:
        """Ask for smaller answers, which foreign output falls into less often."""
        self._piece = max(self._piece // 2, _LEAST_BYTES)

    def _require_whole(self) -> None:
        """Refuse a guest without all of its files: what it lacks would fail later, for no reason that is seen."""
        found = self._run(_WHOLE, b"", Deadline.after(COMMAND_SECONDS))
        if found.status:
            said = (found.text + found.stderr.decode(errors="replace")).strip().splitlines() or ["it has no shell"]
            raise GuestIncomplete(
                f"the initramfs of {self} was cut short: {said[-1].strip()}",
                console=self.last_words(),
                hint="give the guest more memory (a kernel lets its first file system have half of it), or build anew",
            )

    def _require_alive(self, how: str) -> str:
        """Return the guest's answer to a request that it always has time for. Raises an error that says `how`."""
        try:
            answer = self._dialogue.ask_until(Deadline.after(ALIVE_SECONDS), lambda: "ping")
        except ConsoleClosed as error:
            raise self._ended() from error
        if answer is None:
            raise self._silence(f"{how} nor whether it is alive")
        return answer

    def _silence(self, how: str) -> HilError:
        """Return the error for a guest without an answer: it hangs, unless there were answers, and none was whole."""
        if self._dialogue.damaged:
            return GuestConsoleDamaged(
                f"{self} answers, but {self._dialogue.damaged} answers were damaged, and none was whole: {how}",
                console=self.last_words(),
                hint="find out what else writes on its console (`console=hvc0` in its kernel's arguments, a service)",
            )
        return GuestHang(
            f"{self} hangs: {how}; {self._describe_host()}",
            console=self.last_words(),
            hint="see the last lines of its kernel, and what the command does",
        )

    def _describe_host(self) -> str:
        """Return the state of what runs the guest, in words."""
        return "its hypervisor answers"

    def _ended(self) -> HilError:
        """Return the error for the end of the guest's console."""
        return GuestEnded(f"{self} ended", console=self.last_words())

    def __str__(self) -> str:
        return self.name


def command_line(command: str) -> bytes:
    """Return the line by which a guest is told to run a command, for who does not wait for its end."""
    number = secrets.randbits(28) + 1
    return frame.request(number, f"run {number:x} 0 0 = ={_encoded(command.encode())}")


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _decoded(field: str) -> bytes:
    return base64.b64decode(field.removeprefix("="), validate=True)
