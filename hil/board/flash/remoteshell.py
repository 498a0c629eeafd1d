"""Runs scripts on the machine that has a medium, which needs no more than the tools of any Linux, BusyBox's as well."""

from __future__ import annotations

import shlex
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.errors import FlashError, ToolFailed, ToolTimeout
from hil.tools import run_tool

if TYPE_CHECKING:
    from pathlib import Path

LOOK_SECONDS = 30.0
COPY_SECONDS = 600.0
"""How long copying one file may take."""


@dataclass(frozen=True, slots=True)
class RemoteShell:
    """A shell of another machine. `prefix` is a command that runs its arguments there, such as ssh."""

    prefix: tuple[str, ...]

    def run(self, script: str, *arguments: str) -> str:
        """Run a script and return its output. Raises `FlashError`, which names the first argument."""
        try:
            return run_tool(self._command(script, *arguments), seconds=LOOK_SECONDS).text
        except (ToolFailed, ToolTimeout) as error:
            said = error.said if isinstance(error, ToolFailed) else error.message
            raise FlashError(f"cannot access {arguments[0]}: {said or error.message}") from None

    def copy(self, source: Path, what: str, script: str, *arguments: str) -> None:
        """Run a script whose input is a file of this machine. Raises `FlashError`, which says that `what` failed."""
        command = self._command(script, *arguments)
        try:
            with source.open("rb") as file:
                subprocess.run(command, stdin=file, capture_output=True, check=True, timeout=COPY_SECONDS)
        except subprocess.CalledProcessError as error:
            said = error.stderr.decode(errors="replace").strip().splitlines() or [f"status {error.returncode}"]
            raise FlashError(f"cannot write {what}: {said[-1]}") from None
        except subprocess.TimeoutExpired:
            raise FlashError(f"writing {what} takes longer than {COPY_SECONDS:g} s") from None

    def _command(self, script: str, *arguments: str) -> list[str]:
        """Return the command that runs a script there. SSH hands all words to a shell, so they are quoted for that."""
        return [*self.prefix, *map(shlex.quote, ("sh", "-c", script, "sh", *arguments))]
