"""Keeps two runs on this machine from driving one board at the same time."""

from __future__ import annotations

import contextlib
import datetime
from typing import TYPE_CHECKING

import psutil
from filelock import FileLock, Timeout

from hil.board.flash.state import notes_root
from hil.errors import BoardUnavailable, UsageError
from hil.record import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hil.board.file.boardfile import BoardFile
    from hil.record import Record


@contextlib.contextmanager
def hold(board: str) -> Iterator[None]:
    """Lock a board at this machine until the end of the block, or of the process. Raises `BoardUnavailable`."""
    path = notes_root() / f"{board}.run.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path, timeout=0):
            yield
    except PermissionError as error:
        raise UsageError(f"cannot lock {board}: {error}", hint="set XDG_STATE_HOME to a directory of yours") from None
    except Timeout:
        raise BoardUnavailable(
            f"{board} is in use by another run on this machine", board=board, hint="hil boards shows which"
        ) from None


def held(board: BoardFile) -> contextlib.AbstractContextManager[None]:
    """Have a board to ourselves. Everybody has an emulator, and what a lab has is leased.

    Raises `BoardUnavailable` on entry while another run of this machine has the board.
    """
    return hold(board.hardware) if board.at_this_machine else contextlib.nullcontext()


def runner(last: Record | None) -> str:
    """Return the process that is writing this record, empty if the run has finished or was killed.

    A process of that id which began after the run is another one: ids are reused.
    """
    if last is None or last.verdict is not Verdict.RUNNING:
        return ""
    try:
        began = psutil.Process(last.process).create_time()
    except psutil.Error:
        return ""
    is_older = began <= datetime.datetime.fromisoformat(last.started).timestamp()
    return f"process {last.process}" if is_older else ""
