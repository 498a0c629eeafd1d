"""Keeps two runs from driving one board at the same time, whoever on this machine has started them.

What is locked is not a name but the hardware behind it: a second board file that names the same power outlet, serial
port or card is refused, too.
"""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import json
import os
from typing import TYPE_CHECKING

import psutil

from hil.board.file.devices import devices
from hil.errors import BoardUnavailable, UsageError
from hil.files import open_shared
from hil.paths import device_root
from hil.record import Verdict
from hil.record.process import is_alive

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hil.board.file.boardfile import BoardFile
    from hil.board.file.devices import Device
    from hil.record import Record

_HOLDER_BYTES = 4096


@contextlib.contextmanager
def hold(board: BoardFile) -> Iterator[None]:
    """Lock a board's hardware until the end of the block, or of the process.

    Raises `BoardUnavailable` with the name of who has it.
    """
    with contextlib.ExitStack() as locks:
        for device in devices(board):  # sorted, so that two runs with devices in common do not refuse each other
            file = _open(board, device)
            locks.callback(os.close, file)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BoardUnavailable(
                    f"{board.name} cannot be used: {device.name} {_whose(file)}",
                    board=board.name,
                    hint="hil boards shows what is in use; two board files may name the same hardware",
                ) from None
            _sign(file, board.name)
            locks.callback(os.ftruncate, file, 0)
        yield


def held(board: BoardFile) -> contextlib.AbstractContextManager[None]:
    """Have a board to ourselves. Everybody has an emulator, and what a lab has is leased.

    Raises `BoardUnavailable` on entry while somebody else on this machine has the board.
    """
    return hold(board) if board.at_this_machine else contextlib.nullcontext()


def holder(board: BoardFile) -> str:
    """Return in words who has hardware of a board at this machine, empty if nobody has."""
    for device in devices(board) if board.at_this_machine else ():
        with contextlib.suppress(OSError):
            file = os.open(device_root() / f"{device.key}.lock", os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return f"{device.name} {_whose(file)}"
            finally:
                os.close(file)
    return ""


def runner(last: Record | None) -> str:
    """Return the process that is writing this record, empty if the run has finished or was killed."""
    going_on = last is not None and last.verdict is Verdict.RUNNING and is_alive(last)
    return f"process {last.process}" if last and going_on else ""


def _open(board: BoardFile, device: Device) -> int:
    try:
        return open_shared(device_root() / f"{device.key}.lock")
    except OSError as error:
        raise UsageError(
            f"cannot lock {device.name} of {board.name}: {error}",
            hint="set HIL_DEVICES to a directory that everybody who uses the boards of this machine can write",
        ) from None


def _sign(file: int, board: str) -> None:
    """Write into a lock who has it."""
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    content = {"process": os.getpid(), "user": _user(), "board": board, "since": now}
    os.pwrite(file, json.dumps(content).encode().ljust(_HOLDER_BYTES)[:_HOLDER_BYTES], 0)


def _whose(file: int) -> str:
    """Return who has signed a lock, in words."""
    try:
        found = json.loads(os.pread(file, _HOLDER_BYTES, 0))
        since = datetime.datetime.fromisoformat(found["since"]).astimezone()
        return (
            f"is in use by {found['user']} since {since:%Y-%m-%d %H:%M}, "
            f"as {found['board']} (process {int(found['process'])})"
        )
    except (ValueError, KeyError, TypeError):
        return "is in use by another run on this machine"  # which is about to sign it


def _user() -> str:
    """Return the name of the user, or the number where it has no name, as in a container."""
    return psutil.Process().username()
