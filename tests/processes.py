"""Processes of others that a test waits for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import psutil

from hil.deadline import Deadline

if TYPE_CHECKING:
    from collections.abc import Iterable


def still_running(processes: Iterable[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Wait until all of `processes` have ended, and return those that have not.

    One that is only not reaped yet has ended: when an orphan's new parent does so is nothing that `hil` decides.
    """
    deadline = Deadline.after(seconds)
    while running := [process for process in processes if not _ended(process)]:
        if deadline.expired:
            return running
        time.sleep(0.02)
    return []


def _ended(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
