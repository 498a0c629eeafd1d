"""Locks the cache outside the checkout, and build directories: one process at a time works on each."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from hil.errors import UsageError
from hil.firmware.errors import BuildBusy
from hil.paths import cache_root

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOCK_SECONDS = 1800.0
"""How long a build waits for another one: longer than a complete build takes on a slow machine."""


@contextmanager
def exclusive(directory: Path, doing: str, seconds: float = LOCK_SECONDS) -> Iterator[None]:
    """Hold the lock of `directory`, which is created if necessary. The kernel frees it if the process is killed.

    Raises `BuildBusy` when another process holds it for longer than `seconds`, `UsageError` when the directory cannot
    be written.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = FileLock(directory / ".lock", timeout=seconds)
        lock.acquire()
    except Timeout:
        raise BuildBusy(
            f"another process has held {directory / '.lock'} for more than {seconds:g} s",
            doing=doing,
            hint="let the other build finish, or end it",
        ) from None
    except OSError as error:
        raise UsageError(
            f"cannot write to {directory}: {error.strerror}",
            doing=doing,
            hint="set HIL_CACHE to a directory that you can write" if directory == cache_root() else "",
        ) from None
    try:
        yield
    finally:
        lock.release()
