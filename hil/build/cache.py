"""The cache outside the checkout: downloads, unpacked packages, and what takes long to build."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from hil.build.errors import BuildBusy
from hil.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCK_SECONDS = 1800.0
"""How long one build waits for another: longer than a build from nothing takes on a slow machine."""


def cache_root() -> Path:
    """Return the cache directory: `$HIL_CACHE`, else `$XDG_CACHE_HOME/hil`, else `~/.cache/hil`."""
    if own := os.environ.get("HIL_CACHE"):
        return Path(own)
    if xdg := os.environ.get("XDG_CACHE_HOME"):
        return Path(xdg) / "hil"
    return Path.home() / ".cache" / "hil"


@contextmanager
def exclusive(directory: Path, doing: str, seconds: float = LOCK_SECONDS) -> Iterator[None]:
    """Hold the lock of `directory`, which is made if need be; one process at a time, also after a kill.

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
