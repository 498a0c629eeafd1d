"""Hashes of files that are remembered from one command to the next, for as long as nobody has written to a file.

What a command needs first is whether anything has changed, and to read a hundred megabytes of images for that takes
longer than a test. The kernel notes each write to a file in a time that no program can set (ctime), whatever becomes of
its mode, its name and its other times. After a restart of the machine, which may have lost what was written last,
everything is read again.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from hil.files import file_sha256
from hil.paths import cache_root

if TYPE_CHECKING:
    from collections.abc import Mapping

LARGE_BYTES = 1 << 18
"""Files below this size are read each time: that takes no longer than to look them up."""
SETTLED_SECONDS = 2.0
"""How old the last write must be, so that another one has another time: the times of files are coarse."""
KEPT = 500
"""How many hashes are kept, the newest."""
_FILE = "hashes.json"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def known_sha256(path: Path) -> str:
    """Return the SHA-256 of the content of a file, in hexadecimal. Raises `OSError` when it cannot be read."""
    status = path.stat()
    if status.st_size < LARGE_BYTES:
        return file_sha256(path)
    identity = identity_of(status)
    if found := _remembered().get(identity):
        return found
    sha256 = file_sha256(path)
    if is_settled(status) and identity_of(path.stat()) == identity:
        _remember(identity, sha256)
    return sha256


def identity_of(status: os.stat_result) -> str:
    """Return a text that is another one after each write to a file, for each file, and after a restart of the machine.

    Two writes right after each other may give the same one: see `is_settled`.
    """
    return f"{_boot_id()} {status.st_dev} {status.st_ino} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"


def is_settled(status: os.stat_result) -> bool:
    """Whether the last write to a file is so long ago that the next one has another time."""
    return time.time() - status.st_ctime > SETTLED_SECONDS


@functools.cache
def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return str(os.getpid())  # nothing outlives this process


@functools.cache
def _remembered() -> dict[str, str]:
    with contextlib.suppress(OSError, ValueError):
        found = json.loads((cache_root() / _FILE).read_text(encoding="utf-8"))
        if isinstance(found, dict):
            return {str(identity): str(sha256) for identity, sha256 in found.items()}
    return {}


def _remember(identity: str, sha256: str) -> None:
    known = _remembered()
    known[identity] = sha256
    now = _boot_id()
    for outdated in [one for one in known if not one.startswith(now)] + [*known][:-KEPT]:
        known.pop(outdated, None)
    with contextlib.suppress(OSError):  # such as a cache that is only for reading
        _write(cache_root() / _FILE, known)


def _write(file: Path, known: Mapping[str, str]) -> None:
    """Replace the file as a whole. It need not be durable: after a restart nothing in it counts."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as fresh:
            json.dump(known, fresh)
        Path(name).replace(file)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
