"""Commands in an environment that a test makes: a shell that starts them, their variables, their terminal."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import shlex
import subprocess
import termios
import threading
from typing import TYPE_CHECKING

from hil.paths import HIL
from tests.cli.checkout import ROOT
from tests.session.scheduler.boards import Boards

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

SECONDS = 120
HERE = shlex.join(HIL)
"""The command line in a shell."""
KEPT = ("PATH", "HOME", "VIRTUAL_ENV", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG", "HIL_COVERAGE_ROOT")
"""What commands need of the environment of the tests; all else is as the test says."""


class Terminal:
    """Shows what a command prints, which would wait otherwise, until it hangs up."""

    def __init__(self, end: int) -> None:
        self._end = end
        self._stop = os.eventfd(0)
        self._thread = threading.Thread(target=self._read, name="terminal", daemon=True)
        self._thread.start()

    def hang_up(self) -> None:
        """Be gone, as when a window is closed or a connection drops."""
        os.eventfd_write(self._stop, 1)
        self._thread.join(10)
        os.close(self._end)
        os.close(self._stop)

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # the other side is gone
            while self._stop not in select.select([self._end, self._stop], [], [])[0]:
                os.read(self._end, 65536)


class Commands(Boards):
    """A tree with two fake boards."""

    def shell(
        self,
        line: str,
        *,
        variables: Mapping[str, str] | None = None,
        under: Sequence[str] = (),
        directory: Path | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a line of shell in which `hil` is our command line; `under` is a program that starts the shell."""
        return subprocess.run(
            [*under, "bash", "-c", f'hil() {{ {HERE} "$@"; }}; {line}'],
            cwd=directory or self.path,
            env=self.variables(variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="backslashreplace",
            timeout=SECONDS,
            check=False,
        )

    def variables(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """The variables of a command: those that it needs, and those of the test."""
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        own = {"PYTHONPATH": str(ROOT), "HIL_DEVICES": str(self.path.parent / "devices")}
        return {**kept, **own, **(more or {})}

    def start(self, *arguments: str, under: Sequence[str] = ()) -> subprocess.Popen[str]:
        """Start the command line with the environment of `shell`, and return without waiting for it."""
        return subprocess.Popen(
            [*under, *HIL, *arguments],
            cwd=self.path,
            env=self.variables(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def start_in_terminal(self, *arguments: str) -> tuple[subprocess.Popen[bytes], Terminal]:
        """Start the command line in a terminal of its own."""
        other, terminal = pty.openpty()
        process = subprocess.Popen(
            [*HIL, *arguments],
            cwd=self.path,
            env=self.variables({"TERM": "xterm"}),
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(terminal)
        return process, Terminal(other)
