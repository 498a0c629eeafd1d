"""Copies files to and from the target, over SFTP."""

from __future__ import annotations

import contextlib
import stat
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from paramiko import SFTPClient
from paramiko.sftp import SFTPError
from paramiko.ssh_exception import SSHException

from hil.board.ssh.channel import BROKEN, close, granted
from hil.board.ssh.errors import RemoteFileError, TransferFailed
from hil.deadline import Deadline
from hil.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hil.board.ssh.session import Session

    Progress = Callable[[int, int], None]
    """Called with the number of bytes transferred so far, and the size of the file."""

_PROBE_SECONDS = 5.0


class Files:
    """The files of the target. The SFTP server is started on first use."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._sftp: Any = None

    def put(self, local: Path, remote: str, *, deadline: Deadline, progress: Progress | None = None) -> None:
        """Copy a file to the target, with its mode; into `remote` if that is a directory.

        Raises `TransferFailed` if the file does not arrive completely, `RemoteFileError` if the target denies access.
        """
        try:
            file = local.open("rb")
        except OSError as error:
            raise UsageError(f"{local} cannot be read: {error.strerror}") from error
        with file, self._using(f"copying {local} to {remote}", deadline) as sftp:
            path = _inside(sftp, remote, local.name)
            mode = local.stat()
            sftp.putfo(file, path, mode.st_size, _guarded(progress, deadline), confirm=False)
            arrived = sftp.stat(path).st_size
            if arrived != mode.st_size:
                raise TransferFailed(
                    f"{arrived} of {mode.st_size} bytes of {local} arrived", hint="check that the target has space left"
                )
            sftp.chmod(path, stat.S_IMODE(mode.st_mode))

    def get(self, remote: str, local: Path, *, deadline: Deadline, progress: Progress | None = None) -> Path:
        """Copy a file from the target, into `local` if that is a directory; return the path of the copy.

        Raises `TransferFailed` if the file does not arrive completely, `RemoteFileError` if the target denies access.
        """
        to = local / PurePosixPath(remote).name if local.is_dir() else local
        try:
            file = to.open("wb")
        except OSError as error:
            raise UsageError(f"{to} cannot be written: {error.strerror}") from error
        with file, self._using(f"copying {remote} to {to}", deadline) as sftp:
            size = sftp.stat(remote).st_size
            sftp.getfo(remote, file, _guarded(progress, deadline))
            if file.tell() != size:
                raise TransferFailed(f"{file.tell()} of {size} bytes of {remote} arrived")
        return to

    @contextlib.contextmanager
    def _using(self, doing: str, deadline: Deadline) -> Iterator[Any]:
        """Yield the SFTP client, and turn its exceptions into our errors."""
        board = self._session.endpoint.board
        try:
            yield self._client(deadline)
            return
        except (FileNotFoundError, PermissionError) as error:
            raise RemoteFileError(f"the target says: {error.strerror or error}", doing=doing, board=board) from error
        except TransferFailed as error:
            self._forget()
            error.within(doing=doing, board=board)
            raise
        except (*BROKEN, SFTPError) as error:
            cause = error
        said = f"not done within {deadline}" if isinstance(cause, TimeoutError) else str(cause) or "SFTP server gone"
        self._forget()
        if not self._session.ask(Deadline.after(_PROBE_SECONDS)):
            raise self._session.failure(doing) from cause
        raise TransferFailed(f"the transfer failed: {said}", doing=doing, board=board) from cause

    def _client(self, deadline: Deadline) -> Any:
        if self._sftp is None:
            channel = self._session.channel("session", deadline)
            channel.settimeout(deadline.remaining)
            if not granted(channel, "subsystem", "sftp", deadline):
                close(channel)
                raise TimeoutError if deadline.expired else SSHException("the target has no SFTP server")
            try:
                self._sftp = SFTPClient(channel)
            except (*BROKEN, SFTPError):
                close(channel)
                self._session.blame_login_script()
                raise
        self._sftp.get_channel().settimeout(deadline.remaining)
        return self._sftp

    def _forget(self) -> None:
        """Close the channel, so that the next transfer opens a new one: late data on this one would confuse it."""
        if self._sftp is not None:
            close(self._sftp)
            self._sftp = None


def _inside(sftp: Any, remote: str, name: str) -> str:
    """Return the path that `scp` would choose: inside `remote` if that is a directory."""
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISDIR(sftp.stat(remote or ".").st_mode or 0):
            return str(PurePosixPath(remote or ".") / name)
    return remote


def _guarded(progress: Progress | None, deadline: Deadline) -> Progress:
    def tell(done: int, total: int) -> None:
        if deadline.expired and done < total:
            raise TimeoutError
        if progress is not None:
            progress(done, total)

    return tell
