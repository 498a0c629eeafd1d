"""Generates the SSH keys of a build tree, once. They are in no image that is meant to be reproducible."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.files import write_atomically

if TYPE_CHECKING:
    from pathlib import Path

HOST_NAME = "host"
USER_NAME = "user"
_ALGORITHM = b"ssh-ed25519"


@dataclass(frozen=True, slots=True)
class SshKeys:
    """The directory with `host` and `user`, private keys in OpenSSH's format, and `host.pub` and `user.pub`."""

    directory: Path

    @classmethod
    def from_directory(cls, directory: Path) -> SshKeys:
        """Return the keys in a directory, making those that are missing."""
        directory.mkdir(parents=True, exist_ok=True)
        for name in (HOST_NAME, USER_NAME):
            if not (directory / f"{name}.pub").is_file():
                _generate(directory / name)
        return cls(directory)

    @property
    def paths(self) -> tuple[Path, ...]:
        """All files, for a build step to depend on."""
        return tuple(self.directory / f"{name}{suffix}" for name in (HOST_NAME, USER_NAME) for suffix in ("", ".pub"))

    def authorized(self) -> bytes:
        """Return the content of `authorized_keys` on the target."""
        return (self.directory / f"{USER_NAME}.pub").read_bytes()

    def dropbear_host_key(self) -> bytes:
        """Return the host's private key as dropbear keeps it: the name of the algorithm, then seed and public key.

        Both are strings of SSH's kind (RFC 4251, section 5): a length of four bytes, then the bytes.
        """
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_ssh_private_key

        key = load_ssh_private_key((self.directory / HOST_NAME).read_bytes(), password=None)
        assert isinstance(key, Ed25519PrivateKey)
        pair = key.private_bytes_raw() + key.public_key().public_bytes_raw()
        return b"".join(struct.pack(">I", len(text)) + text for text in (_ALGORITHM, pair))


def _generate(file: Path) -> None:
    """Write a new private key to `file`, and its public key beside it."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    key = Ed25519PrivateKey.generate()
    write_atomically(file, key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()), mode=0o600)
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    write_atomically(file.with_name(f"{file.name}.pub"), public + b"\n")
