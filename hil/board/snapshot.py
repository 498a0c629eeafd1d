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
from hil.files import file_sha256
from hil.paths import cache_root

if TYPE_CHECKING:
    from collections.abc import Callable

FORMAT = 2
"""Part of every key. Increment it when the content or the use of snapshots changes, so that old ones are not found."""
KEPT = 12
"""How many snapshots are kept, the most recently used ones: at least two for each emulated board of boards/."""
KEPT_BYTES = 4 << 30
"""How much space the snapshots may take; the most recently used one is kept, whatever its size."""

_STATE = "state"
_DIGEST = "sha256"


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
            expected = (entry / _DIGEST).read_text(encoding="utf-8")
            if file_sha256(state) == expected:
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
            (fresh / _DIGEST).write_text(file_sha256(fresh / _STATE), encoding="utf-8")
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


def _size(file: Path) -> int:
    """Return the size of a file, 0 of one that another process has just removed."""
    with contextlib.suppress(OSError):
        return file.stat().st_size
    return 0
