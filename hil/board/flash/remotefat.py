"""A medium that holds files by name on another machine: a FAT partition of a disk, written by the mtools of there."""

from __future__ import annotations

import shlex
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from hil.board.flash.disk import Expected, examine, refuse
from hil.board.flash.folder import fat_drive, verifies
from hil.board.flash.procedure import FlashPhase
from hil.board.flash.remoteshell import RemoteShell
from hil.board.flash.sdcard import MTOOLS_SETTINGS, SECTOR
from hil.errors import BoardUnreachable, FlashError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from hil.board.flash.payload import Payload
    from hil.board.flash.procedure import Meter

_SETTINGS = " ".join(f"{name}={shlex.quote(value)}" for name, value in MTOOLS_SETTINGS.items())
_LOOK = """
command -v mcopy >/dev/null || { echo no mtools; exit; }
test -w "$1" || { echo not writable; exit; }
"""
_WRITE = f"""
set -e
umask 077
copy=$(mktemp)
trap 'rm -f "$copy"' EXIT
cat > "$copy"
export {_SETTINGS}
[ "$2" = . ] || mmd -D s -i "$1" "::$2" 2>/dev/null || :  # there already
mcopy -o -i "$1" "$copy" "::$3"
"""
_END = """
set -e
sync "$1"
dd if="$1" iflag=nocache count=0 2>/dev/null
"""
"""Get everything onto the medium, and drop it from the page cache, so that reading it back reads the medium."""
_READ = f"""
set -e
copy=$(mktemp)
trap 'rm -f "$copy"' EXIT
export {_SETTINGS}
mcopy -n -o -i "$1" "::$2" "$copy"
sha256sum < "$copy"
"""


@dataclass(frozen=True, slots=True)
class RemoteFatPartition:
    """A `Medium`: what `FatPartition` is, on another machine; `prefix` runs a command there, such as ssh."""

    name: str
    path: Callable[[], str]
    partition: int
    prefix: tuple[str, ...]
    expected: Expected = field(default_factory=Expected)
    attached: Callable[[], AbstractContextManager[None]] = nullcontext

    def check(self, payload: Payload) -> None:
        """Refuse every disk but the expected one, and a machine that cannot write it."""
        path = self.path()
        refuse(examine(path, self.prefix), self.expected, payload.size)
        match self._shell.run(_LOOK, path).strip():
            case "no mtools":
                raise FlashError("the machine of the disk has no mtools", hint="there: apt-get install mtools")
            case "not writable":
                raise BoardUnreachable(f"cannot open {path} on its machine", hint="may the user of SSH write to it?")
        self._drive(path)

    def agrees(self, payload: Payload) -> bool:
        """Compare all files, which are small."""
        return verifies(self, payload)

    def write(self, payload: Payload, meter: Meter) -> None:
        """Copy all files."""
        path = self.path()
        drive = self._drive(path)
        done = 0
        for file in payload.files:
            folder = str(PurePosixPath(file.destination).parent)
            self._shell.copy(file.source, file.destination, _WRITE, drive, folder, file.destination)
            done += file.size
            meter(FlashPhase.WRITING, done, payload.size)
        self._shell.run(_END, path)

    def verify(self, payload: Payload, meter: Meter) -> None:
        """Read all files back, from the medium: `write` has dropped it from the page cache."""
        drive = self._drive(self.path())
        done = 0
        for file in payload.files:
            try:
                found = self._shell.run(_READ, drive, file.destination).split()[0]
            except FlashError as error:
                raise FlashError(f"cannot read {file.destination} back: {error.message}") from error
            if found != file.sha256:
                raise FlashError(f"{file.destination} reads back as {found}, but {file.sha256} was written")
            done += file.size
            meter(FlashPhase.VERIFYING, done, payload.size)

    @property
    def _shell(self) -> RemoteShell:
        return RemoteShell(self.prefix)

    def _drive(self, path: str) -> str:
        if self.partition == 0:
            return path
        sector = bytes.fromhex(self._shell.run(f'head -c {SECTOR} "$1" | od -An -v -tx1', path))
        return fat_drive(path, self.partition, sector)
