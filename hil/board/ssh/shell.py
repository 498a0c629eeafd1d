"""A shell that stays, for many short commands: none of them costs the server a channel and a login shell."""

from __future__ import annotations

import re
import secrets
import shlex
from typing import TYPE_CHECKING

from hil.board.ssh.errors import CommandTimeout
from hil.board.ssh.process import Result

if TYPE_CHECKING:
    from hil.board.ssh.session import Session
    from hil.deadline import Deadline

_MARK_BYTES = 16
"""Nobody's output has such a mark by chance."""


class Shell:
    """Runs one command after the other, each in a subshell without input.

    What a command leaves running in the background must not write to the output it was given: the next command would
    be taken to have said that. After a `CommandTimeout` the shell is gone.
    """

    def __init__(self, session: Session, deadline: Deadline) -> None:
        self._process = session.start("exec sh", deadline=deadline)

    def run(self, command: str, *, deadline: Deadline) -> Result:
        """Run a command to its end. Raises `CommandTimeout`, and what happens to connection and board."""
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
        return Result(command, stdout[: found.start()], stderr.removesuffix(quiet), int(found[1]))

    def close(self) -> None:
        """End the shell."""
        self._process.stop()

    def __enter__(self) -> Shell:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
