"""A machine that is reached over SSH, to run commands and copy files."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from labgrid.step import step

from hil.deadline import Deadline

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hil.board.ssh import CommandResult, Process, Session, Shell
    from hil.board.ssh.forward import Forward
    from hil.board.ssh.transfer import Progress

DEFAULT_SECONDS = 60.0
"""The default timeout of commands and transfers."""


class Machine:
    """A machine that is reached over SSH. Every use of it is a step in the record of the run.

    A command is a line for the machine's shell, or a sequence of words, which are quoted so that the shell expands
    nothing in them. After a timeout the command's first process is killed, but not its children: start a single
    program by `exec`.
    """

    ACCOUNTED: ClassVar = ("run", "start")
    """Steps that the account of a test has already."""

    def __init__(self, name: str, session: Callable[[], Session]) -> None:
        self.name = name
        self._session = session

    @property
    def session(self) -> Session:
        """The connection to the machine."""
        return self._session()

    @step(args=["command"])  # type: ignore[untyped-decorator]
    def run(
        self, command: str | Sequence[str], *, stdin: bytes = b"", check: bool = True, deadline: Deadline | None = None
    ) -> CommandResult:
        """Run a command to its end, with `stdin` as its whole input.

        Raises `CommandFailed` for a status other than 0 if `check`; `CommandTimeout`; `SshDropped` and other errors of
        the connection; errors of the board (`Panic`, `UnexpectedReboot`, `BoardDied`).
        """
        result = self.session.run(_line(command), stdin=stdin, deadline=_or_default(deadline))
        return result.check() if check else result

    @step(args=["command"])  # type: ignore[untyped-decorator]
    def start(self, command: str | Sequence[str], *, stdin: bytes | None = None) -> Process:
        """Start a command in the background; used in a `with` statement, it is stopped at the end.

        Without `stdin` its input stays open for `Process.send`.
        """
        return self.session.start(_line(command), stdin=stdin, deadline=_or_default(None))

    def shell(self, *, deadline: Deadline | None = None) -> Shell:
        """Return a shell for many short commands, several times faster than `run`; closed by a `with` statement."""
        from hil.board.ssh import Shell

        return Shell(self.session, _or_default(deadline))

    @step(args=["local", "remote"])  # type: ignore[untyped-decorator]
    def put(
        self, local: Path | str, remote: str, *, deadline: Deadline | None = None, progress: Progress | None = None
    ) -> None:
        """Copy a file to the machine. Raises `TransferFailed` and `RemoteFileError`."""
        self.session.files.put(Path(local), remote, deadline=_or_default(deadline), progress=progress)

    @step(args=["remote", "local"])  # type: ignore[untyped-decorator]
    def get(
        self, remote: str, local: Path | str, *, deadline: Deadline | None = None, progress: Progress | None = None
    ) -> Path:
        """Copy a file from the machine and return its local path. Raises `TransferFailed` and `RemoteFileError`."""
        return self.session.files.get(remote, Path(local), deadline=_or_default(deadline), progress=progress)

    def forward(self, port: int, *, host: str = "127.0.0.1") -> Forward:
        """Forward a local port to one of the machine, or of a `host` that it can reach, until closed."""
        return self.session.forward(port, host=host)

    def __str__(self) -> str:
        return self.name


def _line(command: str | Sequence[str]) -> str:
    return command if isinstance(command, str) else shlex.join(command)


def _or_default(deadline: Deadline | None) -> Deadline:
    return deadline or Deadline.after(DEFAULT_SECONDS)
