"""Shared by the flashers: names the disk of a board file, finds it, and finds images by their keys."""

from __future__ import annotations

import contextlib
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labgrid.resource.common import NetworkResource

from hil.board.drivers.gateway import command_prefix
from hil.board.flash import MediumMissing
from hil.board.flash.disk import Expected, examine
from hil.deadline import Deadline
from hil.errors import BoardFileError, InfrastructureError
from hil.tools import ask_tool

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labgrid import Target

APPEAR_SECONDS = 15.0
"""How long a medium may take to appear after it was switched to this machine."""
LOOK_AGAIN_SECONDS = 0.05
SETTLE_SECONDS = 30.0
GIGABYTE = 10**9

_KINDS = ("SUBSYSTEM", "DEVTYPE", "ID_VENDOR_ID", "ID_MODEL_ID")
"""Keys of labgrid's `match` that select a kind of device, not a single one."""


def expected(serial: str, smallest: float, largest: float) -> Expected:
    """Return the properties that a board file expects of a disk; sizes are in gigabytes."""
    return Expected(serial, int(smallest * GIGABYTE), int(largest * GIGABYTE))


def named(storage: Any) -> str:
    """Return the disk's name in the board file, which does not depend on the path at which it appears today."""
    kind = type(storage).__name__
    if isinstance(storage, NetworkResource):
        return f"{kind} of {storage.host}, {storage.path or getattr(storage, 'control_path', None) or 'not there now'}"
    match = getattr(storage, "match", None)
    if match is None:
        return f"{kind} {storage.path}"
    chosen = {key: value for key, value in match.items() if key.lstrip("@") not in _KINDS}
    if not chosen:
        raise BoardFileError(
            f"{kind} has nothing in `match` that names one disk",
            hint="ID_SERIAL_SHORT or @ID_PATH, as `labgrid-suggest` shows them",
        )
    words = (f"{key.lstrip('@')}={value}" for key, value in sorted(chosen.items()))
    return f"{kind} {', '.join(words)}"


def prefix(storage: Any) -> tuple[str, ...]:
    """Return the command prefix that runs a command on the machine with the disk; empty for this machine.

    Raises `BoardUnreachable` if that machine cannot be reached.
    """
    if not isinstance(storage, NetworkResource) or storage.host == socket.gethostname():
        return ()
    return command_prefix(storage)


def await_medium(target: Target, storage: Any) -> None:
    """Wait until a disk has a medium. This must poll: there is no event for the moment when sysfs knows the size."""
    deadline = Deadline.after(APPEAR_SECONDS)
    while not deadline.expired:
        target.update_resources()
        with contextlib.suppress(MediumMissing):
            if storage.path and examine(storage.path, prefix(storage)).size:
                return
        time.sleep(LOOK_AGAIN_SECONDS)
    raise MediumMissing(
        f"{named(storage)} shows no medium within {deadline}", hint="is it plugged in, with a card in it?"
    )


def found(target: Target, storage: Any) -> str:
    """Describe the disk that is there now."""
    target.update_resources()
    if not storage.path:
        return "not there"
    try:
        return str(examine(storage.path, prefix(storage)))
    except InfrastructureError as error:
        return error.message


def settle(prefix: Sequence[str] = ()) -> None:
    """Wait until udev, if it runs, has read the new partition table: until then it keeps the disk open."""
    ask_tool([*prefix, "udevadm", "settle", f"--timeout={SETTLE_SECONDS:.0f}"], seconds=2 * SETTLE_SECONDS)


def image_path(target: Target, key: str) -> Path:
    """Return the path of an image. Raises `BoardFileError` when the board file has no such key."""
    try:
        return Path(target.env.config.get_image_path(key)).resolve()
    except KeyError as error:
        raise BoardFileError(f"{target.env.config_file}: {error.args[0]}") from None
