"""Stores RAM snapshots of booted boards, outside the checkout, under a hash of everything that they depend on."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hil.errors import InfrastructureError
from hil.files import sparse_sha256, write_atomically
from hil.hashes import identity_of, is_settled
from hil.paths import cache_root

if TYPE_CHECKING:
    from collections.abc import Callable

FORMAT = 3
"""Part of every key. Increment it when the content or the use of snapshots changes, so that old ones are not found."""
KEPT = 12
"""How many snapshots are kept, the most recently used ones: at least two for each emulated board of boards/."""
KEPT_BYTES = 4 << 30
"""How much space the snapshots may take; the most recently used one is kept, whatever its size."""

_BLOCK_BYTES = 512
"""The unit of `st_blocks`, whatever the file system's is: stat(2)."""

_STATE = "state"
_DIGEST = "sha256"
_VERIFIED = "verified"
"""The file that says which state of the file system the digest was last compared in."""


def snapshot_key(board: str, state: str, identity: str, ingredients: str = "") -> str:
    """Return the key of a board's state: `identity` describes machine and images, `ingredients` what else made it."""
    return hashlib.sha256(json.dumps([FORMAT, board, state, identity, ingredients]).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class SnapshotStore:
    """Snapshots by key. Each appears by a single rename, so that processes never see a part of one."""

    root: Path

    @classmethod
    def default(cls) -> SnapshotStore:
        """Return the store in the user's cache."""
        return cls(cache_root() / "snapshots")

    def find(self, key: str) -> Path | None:
        """Return the state saved under `key`, or None. A damaged state is removed."""
        entry = self.root / key
        state = entry / _STATE
        try:
            if _is_whole(entry):
                os.utime(entry)
                return state
        except OSError:
            pass
        shutil.rmtree(entry, ignore_errors=True)
        return None

    def create(self, key: str, write: Callable[[Path], None]) -> Path:
        """Have `write` write a state to the path that it is given, and keep it under `key`."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            fresh = Path(tempfile.mkdtemp(prefix=".fresh-", dir=self.root))
        except OSError as error:
            raise InfrastructureError(
                f"cannot keep snapshots in {self.root}: {error.strerror}", hint="set HIL_CACHE to a directory with room"
            ) from error
        try:
            write(fresh / _STATE)
            (fresh / _DIGEST).write_text(sparse_sha256(fresh / _STATE), encoding="utf-8")
            shutil.rmtree(self.root / key, ignore_errors=True)
            with contextlib.suppress(FileExistsError):  # another process has saved the same state meanwhile
                fresh.rename(self.root / key)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
        self._prune()
        return self.root / key / _STATE

    def _prune(self) -> None:
        entries = sorted(self.root.iterdir(), key=lambda entry: entry.stat().st_mtime, reverse=True)
        taken = 0
        for number, entry in enumerate(entry for entry in entries if not entry.name.startswith(".")):
            taken += _size(entry / _STATE)
            if number and (number >= KEPT or taken > KEPT_BYTES):
                shutil.rmtree(entry, ignore_errors=True)


def _is_whole(entry: Path) -> bool:
    """Whether a state is what was saved. Raises `OSError` if it is not there.

    To read hundreds of megabytes takes longer than a test, so a state counts as whole as long as nobody has written to
    it since it was last compared.
    """
    state = entry / _STATE
    status = state.stat()
    now = identity_of(status)
    with contextlib.suppress(OSError):
        if (entry / _VERIFIED).read_text(encoding="utf-8") == now:
            return True
    if sparse_sha256(state) != (entry / _DIGEST).read_text(encoding="utf-8"):
        return False
    if is_settled(status):
        with contextlib.suppress(OSError):  # such as a cache that is only for reading
            write_atomically(entry / _VERIFIED, now.encode())
    return True


def _size(file: Path) -> int:
    """Return how much room a file takes, without its holes; 0 of one that another process has just removed."""
    with contextlib.suppress(OSError):
        status = file.stat()
        return min(status.st_size, status.st_blocks * _BLOCK_BYTES)
    return 0
