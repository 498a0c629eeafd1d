"""A medium that holds files by name on another machine: the directory of a server, accessed by a shell there."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.board.flash.errors import MediumMissing, WrongMedium
from hil.board.flash.folder import verifies
from hil.board.flash.procedure import FlashPhase
from hil.board.flash.remoteshell import RemoteShell
from hil.errors import FlashError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import PurePosixPath

    from hil.board.flash.payload import Payload, PayloadFile
    from hil.board.flash.procedure import Meter

BLOCK = 1024
"""The unit of `df -k`."""


@dataclass(frozen=True, slots=True)
class RemoteFolder:
    """A `Medium`: a directory of another machine. `prefix` is a command that runs its arguments there, such as ssh.

    That machine needs no more than the tools of any Linux, BusyBox's as well. Other files are left alone.
    """

    name: str
    path: PurePosixPath
    prefix: tuple[str, ...]
    attached: Callable[[], AbstractContextManager[None]] = nullcontext

    def exists(self) -> bool:
        """Whether the directory is there. Raises `FlashError`."""
        return self._shell.run('test -d "$1" && echo there || echo missing', str(self.path)).strip() == "there"

    def check(self, payload: Payload) -> None:
        """Refuse a directory that does not exist, or has too little space."""
        if not self.exists():
            raise MediumMissing(f"there is no {self.path} on its machine", hint="does the exporter name the right one?")
        free = int(self._shell.run('df -Pk "$1" | tail -n 1', str(self.path)).split()[3]) * BLOCK
        if free < payload.size:
            raise WrongMedium(f"{self.path} has room for {free} bytes, and {payload.size} are to be written")

    def agrees(self, payload: Payload) -> bool:
        """Compare all files."""
        return verifies(self, payload)

    def write(self, payload: Payload, meter: Meter) -> None:
        """Replace each file atomically, so that the board never fetches half a file."""
        done = 0
        for file in payload.files:
            self._copy(file, self.path / file.destination)
            done += file.size
            meter(FlashPhase.WRITING, done, payload.size)

    def verify(self, payload: Payload, meter: Meter) -> None:
        """Compare the hashes of the files in the directory."""
        done = 0
        for file in payload.files:
            target = self.path / file.destination
            found = self._shell.run('sha256sum < "$1"', str(target)).split()[0]
            if found != file.sha256:
                raise FlashError(f"{target} reads back as {found}, but {file.sha256} was written")
            done += file.size
            meter(FlashPhase.VERIFYING, done, payload.size)

    def _copy(self, file: PayloadFile, target: PurePosixPath) -> None:
        script = 'umask 022; mkdir -p "$1" && cat > "$2.new" && chmod 644 "$2.new" && sync && mv -f "$2.new" "$2"'
        self._shell.copy(file.source, str(target), script, str(target.parent), str(target))

    @property
    def _shell(self) -> RemoteShell:
        return RemoteShell(self.prefix)
