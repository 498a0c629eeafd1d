"""The key by which each board proves that it is itself, in the format of OpenSSH's known_hosts."""

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
    """One key per board. The first key that a board shows is pinned; from then on no other will do.

    Without a file, pins last as long as this object.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._pins: dict[str, PKey] = {}

    def of(self, board: str) -> PKey | None:
        """Return the key pinned for `board`. Raises `UsageError` if the file is not one of ours."""
        self._load()
        return self._pins.get(board)

    def check(self, board: str, shown: PKey) -> None:
        """Pin `shown` if it is the first key of `board`. Raises `SshHostKeyChanged` if it is another than the first."""
        pinned = self.of(board)
        if pinned is None:
            self.pin(board, shown)
        elif pinned != shown:
            remove = f", or remove its line from {self._file}" if self._file else ""
            raise SshHostKeyChanged(
                f"the SSH server has host key {shown.fingerprint}, and {pinned.fingerprint} is pinned",
                hint=f"see that this is the right board, then flash it, which renews its key{remove}",
            )

    def pin(self, board: str, key: PKey) -> None:
        """Let `key` be the key of `board` from now on."""
        self._load()
        self._pins[board] = key
        self._save()

    def forget(self, board: str) -> None:
        """Let the next key that `board` shows be its first."""
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
    """Return the key in a file such as `ssh_host_ed25519_key.pub`. Raises `UsageError` if there is none."""
    try:
        return _key(file, file.read_text(encoding="utf-8").split())
    except OSError as error:
        raise UsageError(f"no public key can be read: {error}", hint="hil build") from error


def _key(file: Path, words: list[str]) -> PKey:
    try:
        return PKey.from_type_string(words[0], base64.b64decode(words[1], validate=True))
    except (IndexError, ValueError, SSHException) as error:
        raise UsageError(f"{file} holds something that is no public key: {' '.join(words)[:60]!r}") from error
