"""Keeps a note on what each board's medium holds, for all runs and checkouts; it survives a power cut."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from hil.board.flash.errors import BoardDirty, FlashBusy
from hil.errors import UsageError
from hil.files import write_atomically
from hil.paths import state_root

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from hil.board.flash.payload import Payload

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class FlashState:
    """The last flash of a board: `digest` is its payload's, `files` gives the SHA-256 of each destination.

    `clean` is true only if everything was read back as written. Times are UTC, in ISO 8601.
    """

    clean: bool
    digest: str
    medium: str
    began: str
    finished: str = ""
    files: Mapping[str, str] = field(default_factory=dict)

    def holds(self, payload: Payload, medium: str) -> bool:
        """Whether `medium` is known to hold exactly this payload."""
        return self.clean and self.digest == payload.digest and self.medium == medium


UNREADABLE = FlashState(clean=False, digest="", medium="", began="")


class FlashMemory:
    """The note on a board's medium, in a file shared by all checkouts of a user on this machine.

    A note that cannot be read counts as that of a failed flash: what the board holds is unknown either way.
    """

    def __init__(self, board: str, root: Path | None = None) -> None:
        """`root` is the directory of all notes, by default below `$XDG_STATE_HOME`."""
        self.board = board
        self.path = (root or notes_root()) / f"{board}.json"

    def read(self) -> FlashState | None:
        """Return the last flash; None if the board was never flashed from here."""
        try:
            content = json.loads(self.path.read_text())
            if content.pop("schema") != SCHEMA:
                return UNREADABLE
            return FlashState(**content)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return UNREADABLE

    def check(self) -> None:
        """Raise `BoardDirty` unless the last flash succeeded."""
        state = self.read()
        if state is None or not state.clean:
            began = f", which began {state.began}," if state and state.began else ""
            raise BoardDirty(
                f"the last flash of {self.board}{began} failed or was interrupted"
                if state
                else f"{self.board} was never flashed from this machine",
                board=self.board,
                hint=f"hil flash --board {self.board}",
            )

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keep other processes from flashing this board. Raises `FlashBusy` if one is flashing it."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.path.with_suffix(".lock"), timeout=0)
            with lock:
                yield
        except Timeout:
            raise FlashBusy(f"{self.board} is being flashed by another process", board=self.board) from None
        except PermissionError as error:
            raise UsageError(
                f"cannot take notes on {self.board}: {error}", hint="set XDG_STATE_HOME to a directory of yours"
            ) from None

    def begin(self, payload: Payload, medium: str) -> FlashState:
        """Note that the content of the medium is unknown from now on. The note is on disk before this returns."""
        state = FlashState(clean=False, digest=payload.digest, medium=medium, began=_now())
        self._write(state)
        return state

    def finish(self, began: FlashState, payload: Payload) -> None:
        """Note that the medium holds the payload."""
        files = {file.destination: file.sha256 for file in payload.files}
        self._write(FlashState(True, began.digest, began.medium, began.began, _now(), files))

    def _write(self, state: FlashState) -> None:
        write_atomically(self.path, json.dumps({"schema": SCHEMA, **asdict(state)}, indent=2).encode() + b"\n")
        directory = os.open(self.path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(directory)  # the new name, too, must outlive a power cut
        finally:
            os.close(directory)


def notes_root() -> Path:
    """Return the directory of the notes on all boards."""
    return state_root() / "boards"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
