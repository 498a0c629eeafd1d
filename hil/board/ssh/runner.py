"""Runs commands by a program on the machine (firmware/linux/runner), over a single channel.

A channel of its own for each command costs round trips and a login shell.
"""

from __future__ import annotations

import struct
import threading
from typing import TYPE_CHECKING

from hil.board.ssh.errors import LoginScriptPrints, SshDropped
from hil.board.ssh.process import CommandResult, late, warn_of_what_is_left
from hil.deadline import Deadline
from hil.errors import ConsoleClosed, ConsoleTimeout

if TYPE_CHECKING:
    from hil.board.ssh.process import Process
    from hil.board.ssh.session import Session

MAX_COMMAND = 32 * 1024
MAX_INPUT = 32 * 1024
"""Largest command and input in bytes: the sizes of the buffers in runner.c."""
_REQUEST = struct.Struct(">II")
_ANSWER = struct.Struct(">II")
_NOT_FOUND = 127
"""The status of a shell that has not found its command (POSIX, Shell Command Language, 2.8.2)."""
_STATUS = 2
_LEFT = 3
_MOST_ANSWER = 64 * 1024
_KILL = _REQUEST.pack(0, 0)
_KILL_SECONDS = 2.0


class CommandRunner:
    """Runs one command at a time; each has its own process, stdin, stdout and stderr, as in a channel of its own."""

    def __init__(self, session: Session, program: str) -> None:
        self._session = session
        self._program = program
        self._process: Process | None = None
        self._received = b""
        self._left = False
        self._free = threading.Lock()

    def run(self, command: str, stdin: bytes, deadline: Deadline) -> CommandResult | None:
        """Run a command to its end. Return None, without starting it, if it needs a channel of its own.

        A command needs one if it is too long, has too much input, or another one is running. Raises the errors of
        `Session.run`.
        """
        text = command.encode()
        fits = 0 < len(text) <= MAX_COMMAND and len(stdin) <= MAX_INPUT and b"\0" not in text
        if not fits or not self._free.acquire(blocking=False):
            return None
        try:
            process = self._started(deadline)
            try:
                process.send(_REQUEST.pack(len(text), len(stdin)) + text + stdin)
                return self._result(process, command, deadline)
            except ConsoleClosed as error:
                self._process = None
                raise self._ended(process, command) from error
        finally:
            self._free.release()

    def _ended(self, process: Process, command: str) -> SshDropped:
        endpoint = self._session.endpoint
        missing = process.status == _NOT_FOUND
        return SshDropped(
            f"`{self._program}`, which runs commands at {endpoint}, {'does not exist' if missing else 'ended'}",
            doing=f"running `{command[:100]}`",
            board=endpoint.board,
            console=process.tail(),
            hint="leave `runner` out of the board's ParamikoDriver, or put the program on the board" if missing else "",
        )

    def _started(self, deadline: Deadline) -> Process:
        if self._process is None or not self._process.running:
            self._received = b""
            self._process = self._session.start(f"exec {self._program}", deadline=deadline)
        return self._process

    def _result(self, process: Process, command: str, deadline: Deadline) -> CommandResult:
        streams = (bytearray(), bytearray())
        try:
            status = self._collect(process, streams, deadline)
        except ConsoleTimeout:
            try:
                process.send(_KILL)
                self._collect(process, streams, Deadline.after(_KILL_SECONDS))
            except ConsoleTimeout:
                process.stop()
            said = (streams[0] + streams[1]).decode(errors="replace").splitlines()
            raise late(self._session, command, deadline, said[-20:]) from None
        if self._left:
            warn_of_what_is_left(command, status, "it was killed")
        return CommandResult(command, bytes(streams[0]), bytes(streams[1]), status, left_open=self._left)

    def _collect(self, process: Process, streams: tuple[bytearray, bytearray], deadline: Deadline) -> int:
        """Add stdout and stderr to `streams` until the command ends; return its status."""
        self._left = False
        while True:
            kind, data = self._answer(process, deadline)
            if kind == _STATUS:
                return int.from_bytes(data, signed=True)
            if kind == _LEFT:
                self._left = True
                continue
            streams[kind].extend(data)
            if deadline.expired:
                raise ConsoleTimeout("the output does not end")

    def _foreign(self, process: Process) -> LoginScriptPrints:
        """Return the error for output that is none of the program's, and end the program."""
        self._process = None
        process.stop()
        endpoint = self._session.endpoint
        text = self._received.partition(b"\0")[0]
        return LoginScriptPrints(str(endpoint), text, endpoint.board, f"starting `{self._program}`")

    def _answer(self, process: Process, deadline: Deadline) -> tuple[int, bytes]:
        """Return the next answer. A part that has arrived by the deadline is kept for the next call."""
        while True:
            if len(self._received) >= _ANSWER.size:
                kind, size = _ANSWER.unpack_from(self._received)
                if kind > _LEFT or size > _MOST_ANSWER:
                    raise self._foreign(process)
                end = _ANSWER.size + size
                if len(self._received) >= end:
                    data, self._received = self._received[_ANSWER.size : end], self._received[end:]
                    return kind, data
            self._received += process.receive(deadline)
            process.take()
