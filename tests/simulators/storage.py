"""A disk that goes wrong at a chosen byte, and an SD mux that gives a card to the board or to this machine."""

from __future__ import annotations

import errno
import os
import signal
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import attr
from labgrid.factory import target_factory
from labgrid.resource.common import ResourceManager
from labgrid.resource.udev import USBSDMuxDevice

from hil.board.flash.disk import Disk


@dataclass
class Faults:
    """Each at the byte where it happens, once that byte is written (or read, `unreadable_at`); None: never."""

    flip_at: int | None = None
    forget_from: int | None = None
    full_at: int | None = None
    vanish_at: int | None = None
    kill_at: int | None = None
    unreadable_at: int | None = None


class FaultyDisk(Disk):
    """A `Disk` with the faults of the moment."""

    faults: ClassVar[Faults] = Faults()
    writes: ClassVar[int] = 0

    def __init__(self, path: str, *, writable: bool) -> None:
        super().__init__(path, writable=writable)
        self._path = Path(path)

    def write(self, offset: int, data: bytes) -> None:
        end = offset + len(data)
        FaultyDisk.writes += 1

        def within(at: int | None) -> bool:
            return at is not None and at < end

        if within(self.faults.kill_at):
            os.kill(os.getpid(), signal.SIGKILL)
        if within(self.faults.vanish_at):
            self._path.unlink(missing_ok=True)
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
        if within(self.faults.full_at):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if self.faults.forget_from is not None and offset >= self.faults.forget_from:
            return  # says that it wrote, as worn cards do
        flip = self.faults.flip_at
        if flip is not None and offset <= flip < end:
            spoiled = bytearray(data)
            spoiled[flip - offset] ^= 0x10
            data = bytes(spoiled)
        super().write(offset, data)

    def read(self, offset: int, size: int) -> bytes:
        if self.faults.unreadable_at is not None and offset <= self.faults.unreadable_at < offset + size:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return super().read(offset, size)


class NoUdev(ResourceManager):  # type: ignore[misc]
    """Lets a managed resource be where it says it is."""


@target_factory.reg_resource
@attr.s(eq=False)
class SimulatedSDMux(USBSDMuxDevice):  # type: ignore[misc]
    """A mux whose card is the file `directory`/card; the host sees it, or an empty reader, at `directory`/host."""

    manager_cls = NoUdev

    directory: str = attr.ib(default="")

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        root = Path(self.directory)
        root.mkdir(parents=True, exist_ok=True)
        (root / "empty").touch()
        (root / "mode").write_text("dut")
        self.disk_path = str(root / "host")
        self.control_path = str(root / "mode")
        (root / "host").unlink(missing_ok=True)
        (root / "host").symlink_to("empty")

    def poll(self) -> None:
        pass


def write_usbsdmux(path: Path) -> Path:
    """Write a program that does to a `SimulatedSDMux` what `usbsdmux CONTROL MODE` does to a real one."""
    path.write_text(
        textwrap.dedent("""\
            #!/bin/sh
            directory=${1%/*}
            case $2 in
            get) cat "$1"; exit ;;
            host) target=card ;;
            *) target=empty ;;
            esac
            ln -sfn "$target" "$directory/host"
            echo "$2" > "$1"
            """)
    )
    path.chmod(0o755)
    return path
