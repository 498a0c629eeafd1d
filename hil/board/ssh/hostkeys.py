"""Pins the host key of each board, in the format of OpenSSH's known_hosts."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from paramiko import PKey
from paramiko.ssh_exception import SSHException

from hil.board.ssh.errors import SshHostKeyChanged
from hil.errors import UsageError
from hil.files import write_atomically

if TYPE_CHECKING:
    from pathlib import Path


class PinnedHostKeys:
    """One key for each board. The first key that a board shows is pinned; after that, no other is accepted.

    Without a file, pins last as long as this object.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._pins: dict[str, PKey] = {}

    def pinned(self, board: str) -> PKey | None:
        """Return the key pinned for `board`, or None. Raises `UsageError` if the file is malformed."""
        self._load()
        return self._pins.get(board)

    def check(self, board: str, shown: PKey) -> None:
        """Pin `shown` if `board` has no key yet. Raises `SshHostKeyChanged` if it has another one."""
        pinned = self.pinned(board)
        if pinned is None:
            self.pin(board, shown)
        elif pinned != shown:
            remove = f", or remove its line from {self._file}" if self._file else ""
            raise SshHostKeyChanged(
                f"the SSH server has host key {shown.fingerprint}, and {pinned.fingerprint} is pinned",
                hint=f"see that this is the right board, then flash it, which renews its key{remove}",
            )

    def pin(self, board: str, key: PKey) -> None:
        """Pin `key` for `board`, in place of an earlier one."""
        self._load()
        self._pins[board] = key
        self._save()

    def forget(self, board: str) -> None:
        """Remove the pin of `board`, so that the next key that it shows is pinned."""
        self._load()
        if self._pins.pop(board, None):
            self._save()

    def _load(self) -> None:
        if self._file is not None and self._file.exists():
            lines = self._file.read_text(encoding="utf-8").splitlines()
            self._pins = {line.split()[0]: _key(self._file, line.split()[1:]) for line in lines if line.strip()}

    def _save(self) -> None:
        if self._file is not None:
            lines = [f"{board} {key.get_name()} {key.get_base64()}\n" for board, key in sorted(self._pins.items())]
            self._file.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._file, "".join(lines).encode())


def public_key(file: Path) -> PKey:
    """Read a public key from a file such as `ssh_host_ed25519_key.pub`. Raises `UsageError` if that fails."""
    try:
        return _key(file, file.read_text(encoding="utf-8").split())
    except OSError as error:
        raise UsageError(f"no public key can be read: {error}", hint="hil build") from error


def _key(file: Path, words: list[str]) -> PKey:
    try:
        return PKey.from_type_string(words[0], base64.b64decode(words[1], validate=True))
    except (IndexError, ValueError, SSHException) as error:
        raise UsageError(f"{file} has a line that is not a public key: {' '.join(words)[:60]!r}") from error
