"""Copies files into guests and out of them, through their command loop: a guest has no network and no disk."""

from __future__ import annotations

import hashlib
import shlex
import stat
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from hil.board.ssh.errors import RemoteFileError, TransferFailed
from hil.deadline import Deadline
from hil.errors import CommandFailed, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hil.board.ssh.process import CommandResult
    from hil.linux.commandloop import CommandLoop

PIECE_BYTES = 1 << 20
"""How much one command carries: the guest keeps a command's input and output in its memory until the next one."""
TRANSFER_SECONDS = 300.0


def put(guest: CommandLoop, local: Path, remote: str, deadline: Deadline | None = None) -> None:
    """Copy a file into a guest, with its permissions; into `remote` if that is a directory there.

    Raises `RemoteFileError` if the guest denies access, `TransferFailed` if the copy is not the same.
    """
    deadline = deadline or Deadline.after(TRANSFER_SECONDS)
    try:
        content, permissions = local.read_bytes(), stat.S_IMODE(local.stat().st_mode)
    except OSError as error:
        raise UsageError(f"{local} cannot be read: {error.strerror}") from error
    doing = f"copying {local} to {remote} in {guest}"
    is_directory = guest.run(["test", "-d", remote], check=False, deadline=deadline).status == 0
    path = str(PurePosixPath(remote) / local.name) if is_directory else remote
    quoted = shlex.quote(path)
    for number, piece in enumerate(_pieces(content)):
        _ask(guest, f"cat {'>>' if number else '>'}{quoted}", doing, deadline, stdin=piece)
    _ask(guest, f"chmod {permissions:o} {quoted}", doing, deadline)
    _compare(guest, content, path, doing, deadline)


def get(guest: CommandLoop, remote: str, local: Path, deadline: Deadline | None = None) -> Path:
    """Copy a file out of a guest, into `local` if that is a directory; return the path of the copy.

    Raises `RemoteFileError` if the guest denies access, `TransferFailed` if the copy is not the same.
    """
    deadline = deadline or Deadline.after(TRANSFER_SECONDS)
    to = local / PurePosixPath(remote).name if local.is_dir() else local
    doing, quoted = f"copying {remote} in {guest} to {to}", shlex.quote(remote)
    content, piece = b"", b"more"
    while piece:
        skipped = len(content) // PIECE_BYTES
        command = f"dd if={quoted} bs={PIECE_BYTES} skip={skipped} count=1 2>/dev/null || cat {quoted}"
        piece = _ask(guest, command, doing, deadline).stdout
        content += piece
        if len(piece) < PIECE_BYTES:
            break
    _compare(guest, content, remote, doing, deadline)
    try:
        to.write_bytes(content)
    except OSError as error:
        raise UsageError(f"{to} cannot be written: {error.strerror}") from error
    return to


def _pieces(content: bytes) -> Iterator[bytes]:
    """Yield the content piece by piece, an empty one for an empty file."""
    yield from (content[at : at + PIECE_BYTES] for at in range(0, max(len(content), 1), PIECE_BYTES))


def _ask(
    guest: CommandLoop, command: str | Sequence[str], doing: str, deadline: Deadline, *, stdin: bytes = b""
) -> CommandResult:
    try:
        result: CommandResult = guest.run(command, stdin=stdin, deadline=deadline)
    except CommandFailed as error:
        said = error.message.partition("\n")[0]
        raise RemoteFileError(f"{guest} says: {said}", doing=doing, console=error.context.console) from error
    return result


def _compare(guest: CommandLoop, content: bytes, path: str, doing: str, deadline: Deadline) -> None:
    """Raise `TransferFailed` unless a file of the guest has this content."""
    found = _ask(guest, ["sha256sum", path], doing, deadline).text.split()[0]
    if found != hashlib.sha256(content).hexdigest():
        raise TransferFailed(f"the copy of {path} is not the same", doing=doing, hint="is somebody writing to it?")
