"""Keeps a note on what each medium holds, for all users and checkouts of a machine; it survives a power cut."""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hil.board.file.devices import medium
from hil.board.flash.errors import BoardDirty, FlashBusy
from hil.errors import UsageError
from hil.files import open_shared
from hil.paths import device_root

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from hil.board.file.boardfile import BoardFile
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
    """The note on a board's medium, in a file shared by all who flash it from this machine.

    A note that cannot be read counts as that of a failed flash: what the board holds is unknown either way.
    """

    def __init__(self, board: str, medium: str = "", root: Path | None = None) -> None:
        """`medium` is the key of a device, by default the board's name; `root` is the directory of all notes."""
        self.board = board
        self.path = (root or device_root()) / f"{medium or board}.json"
        self._file = -1

    @classmethod
    def of_board(cls, board: BoardFile) -> FlashMemory:
        """Return the note on the medium that a board file names."""
        return cls(board.hardware, medium(board).key)

    def read(self) -> FlashState | None:
        """Return the last flash; None if the board was never flashed from here."""
        try:
            written = self.path.read_bytes()
            if not written:
                return None
            content = json.loads(written)
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
            self._file = open_shared(self.path)
        except OSError as error:
            raise UsageError(
                f"cannot take notes on {self.board}: {error}",
                hint="set HIL_DEVICES to a directory that everybody who flashes boards from this machine can write",
            ) from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise FlashBusy(f"{self.board} is being flashed by another process", board=self.board) from None
        finally:
            os.close(self._file)

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
        # In place, because the file may be another user's. A note that a power cut tears counts as a failed flash.
        content = json.dumps({"schema": SCHEMA, **asdict(state)}, indent=2).encode() + b"\n"
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, content, 0)
        os.fsync(self._file)
        directory = os.open(self.path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(directory)  # the name, too, must outlive a power cut
        finally:
            os.close(directory)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
