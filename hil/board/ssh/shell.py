"""A shell that stays open for many short commands, to save a channel and a login shell for each."""

from __future__ import annotations

import re
import secrets
import shlex
from typing import TYPE_CHECKING

from hil.account import MachineCommand, telling
from hil.board.ssh.process import CommandResult
from hil.errors import CommandTimeout

if TYPE_CHECKING:
    from hil.board.ssh.session import Session
    from hil.deadline import Deadline

_MARK_BYTES = 16
"""Length of a random mark. It separates the output of commands, so it must not occur in any by chance."""


class Shell:
    """Runs commands one after the other, each in a subshell without input.

    Background processes that a command leaves behind must not write to its output: it would be taken for that of the
    next command. After a `CommandTimeout`, the shell is gone.
    """

    def __init__(self, session: Session, deadline: Deadline) -> None:
        self._process = session.start("exec sh", deadline=deadline)
        self._machine = session.endpoint.board

    def run(self, command: str, *, deadline: Deadline) -> CommandResult:
        """Run a command to its end. Raises `CommandTimeout`, and the errors of connection and board."""
        with telling(MachineCommand(self._machine, command)) as told:
            result = self._run(command, deadline)
            told.stdout, told.stderr, told.status = result.stdout, result.stderr, result.status
        return result

    def _run(self, command: str, deadline: Deadline) -> CommandResult:
        mark = secrets.token_hex(_MARK_BYTES)
        line = f"(eval {shlex.quote(command)}) </dev/null; printf '{mark} %d\\n' $?; printf '{mark}\\n' >&2\n"
        self._process.send(line.encode())
        end = re.compile(rb"%s (\d+)\n" % mark.encode())
        quiet = f"{mark}\n".encode()
        if not self._process.receive_until(lambda out, err: bool(end.search(out)) and err.endswith(quiet), deadline):
            self._process.stop()
            raise CommandTimeout(
                f"`{command[:100]}` did not end within {deadline}; its shell was killed", console=self._process.tail()
            )
        stdout, stderr = self._process.take()
        found = end.search(stdout)
        assert found is not None
        return CommandResult(command, stdout[: found.start()], stderr.removesuffix(quiet), int(found[1]))

    def close(self) -> None:
        """End the shell."""
        self._process.stop()

    def __enter__(self) -> Shell:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
