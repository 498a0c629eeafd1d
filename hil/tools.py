"""Run another program to its end: never longer than a limit, with its output kept, and failures told as our errors.

Programs that stay beside us, such as emulators and proxies, have owners of their own that start and end them.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.errors import HilError, MissingTool, ToolFailed, ToolTimeout, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

TAIL_LINES = 10
"""How many of the last lines of a program that failed an error quotes."""
INSTALL = "hil doctor --fix"
"""What brings the programs that the project needs, from Debian's packages."""


@dataclass(frozen=True, slots=True)
class ToolOutput:
    """What a program that succeeded wrote to its standard output and to its standard error."""

    data: bytes
    errors: bytes

    @property
    def text(self) -> str:
        """Its standard output as UTF-8; bytes that are none are replaced."""
        return self.data.decode(errors="replace")

    @property
    def complaint(self) -> str:
        """Its standard error as UTF-8, without surrounding space; empty when it had nothing to say there."""
        return self.errors.decode(errors="replace").strip()


def run_tool(
    command: Sequence[str | Path],
    *,
    seconds: float,
    doing: str = "",
    failed: type[HilError] | None = None,
    hint: str = "",
    install: str = INSTALL,
    directory: Path | None = None,
    environment: Mapping[str, str] | None = None,
    terminal: bool = False,
) -> ToolOutput:
    """Run `command` in `directory` and return what it wrote; it is killed after `seconds`.

    `doing` and `hint` go into every error, `install` says how to get the program. `environment` replaces ours. The
    program has no standard input, unless `terminal` is set and we have one: then it can ask for a password.

    Raises `MissingTool` when the program is not there, `ToolFailed` when it returns another status than 0, and
    `ToolTimeout` when it took too long; or `failed` in place of the last two. Both quote the last lines of its standard
    error, or of its standard output when that is empty.
    """
    words = [str(word) for word in command]
    shared = terminal and sys.stdin is not None and sys.stdin.isatty()
    try:
        done = subprocess.run(
            words,
            cwd=directory,
            env=environment,
            stdin=None if shared else subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except FileNotFoundError:
        # A directory that is missing is the same error to the operating system.
        if directory is not None and not directory.is_dir():
            raise UsageError(f"there is no directory {directory} to run `{words[0]}` in", doing=doing) from None
        raise missing_tool(words[0], doing=doing, install=install) from None
    except OSError as error:
        why = f"`{words[0]}` cannot be started: {error.strerror}"
        raise MissingTool(why, doing=doing, hint=install) from None
    except subprocess.TimeoutExpired as error:
        raise (failed or ToolTimeout)(
            f"`{words[0]}` did not finish within {seconds:g} s",
            doing=doing,
            console=_tail(error.stderr, error.stdout),
            hint=hint,
        ) from None
    if done.returncode:
        raise (failed or ToolFailed)(
            f"`{words[0]}` failed with status {done.returncode}",
            doing=doing,
            console=_tail(done.stderr, done.stdout),
            hint=hint,
        )
    return ToolOutput(done.stdout, done.stderr)


def ask_tool(command: Sequence[str | Path], *, seconds: float, directory: Path | None = None) -> str | None:
    """Return what `command` writes to its standard output; None when it is missing, fails or takes too long.

    For what is good to know but nobody depends on, such as the commit of a tree that may be in no repository.
    """
    try:
        return run_tool(command, seconds=seconds, directory=directory).text
    except (UsageError, ToolFailed, ToolTimeout):
        return None


def use_own_programs() -> None:
    """Have programs of the Python packages beside hil found, such as usbsdmux, also by labgrid's drivers.

    A virtual environment's programs are on the PATH only while it is activated, and `.venv/bin/hil` runs without that.
    What is on the PATH already comes first.
    """
    own = sysconfig.get_path("scripts")
    directories = os.environ.get("PATH", os.defpath).split(os.pathsep)
    if own not in directories:
        os.environ["PATH"] = os.pathsep.join([*directories, own])


def missing_tool(program: str, *, doing: str = "", install: str = INSTALL) -> MissingTool:
    """Return the error that says that a program is not on this machine, and with `install` how to get it."""
    return MissingTool(f"`{program}` is not on this machine", doing=doing, hint=install)


def _tail(errors: bytes | None, output: bytes | None) -> list[str]:
    lines = [line for line in (errors or b"").decode(errors="replace").splitlines() if line.strip()]
    return (lines or (output or b"").decode(errors="replace").splitlines())[-TAIL_LINES:]
