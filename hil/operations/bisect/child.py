"""Runs a program that ends with its parent, even if that is killed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

END_SECONDS = 60.0
"""How long a program may take to end after SIGTERM: a run switches its board off."""
TIMED_OUT = 124
"""The status of a program that took too long, as timeout(1) has it."""


def run_child(
    command: Sequence[str], where: Path, errors: IO[bytes], seconds: float, output: IO[bytes] | None = None
) -> int:
    """Run `command` to its end and return its status, negative for a signal, `TIMED_OUT` after `seconds`.

    Its output goes to the file `errors`, its standard output to `output` if that is given. If this call is interrupted,
    the program and its children get SIGTERM.
    """
    guarded: list[Any] = ["setpriv", "--pdeathsig", "TERM", *command]
    with subprocess.Popen(
        guarded, cwd=where, stdin=subprocess.DEVNULL, stdout=output or errors, stderr=errors, process_group=0
    ) as process:
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            _end(process)
            return TIMED_OUT
        except BaseException:
            _end(process)
            raise


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
