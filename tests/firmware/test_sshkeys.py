from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_ssh_public_key
from paramiko import PKey

from hil.firmware.sshkeys import SshKeys

if TYPE_CHECKING:
    from pathlib import Path


def test_keys_are_made_once(tmp_path: Path) -> None:
    first = {path: path.read_bytes() for path in SshKeys.from_directory(tmp_path).paths}
    assert len(first) == 4
    assert {path: path.read_bytes() for path in SshKeys.from_directory(tmp_path).paths} == first


def test_two_build_trees_have_different_keys(tmp_path: Path) -> None:
    assert SshKeys.from_directory(tmp_path / "a").authorized() != SshKeys.from_directory(tmp_path / "b").authorized()


def test_nobody_else_can_read_the_private_keys(tmp_path: Path) -> None:
    keys = SshKeys.from_directory(tmp_path)
    assert [path.stat().st_mode & 0o077 for path in keys.paths if not path.suffix] == [0, 0]


def test_the_user_key_fits_what_the_target_lets_in(tmp_path: Path) -> None:
    keys = SshKeys.from_directory(tmp_path)
    assert PKey.from_path(tmp_path / "user").get_base64() in keys.authorized().decode()


def test_the_server_gets_the_key_that_is_pinned(tmp_path: Path) -> None:
    stored = SshKeys.from_directory(tmp_path).dropbear_host_key()
    algorithm, rest = _string(stored)
    pair, rest = _string(rest)
    assert (algorithm, len(pair), rest) == (b"ssh-ed25519", 64, b"")
    assert Ed25519PrivateKey.from_private_bytes(pair[:32]).public_key().public_bytes_raw() == pair[32:]
    assert load_ssh_public_key((tmp_path / "host.pub").read_bytes()).public_bytes_raw() == pair[32:]  # type: ignore[union-attr]


def _string(data: bytes) -> tuple[bytes, bytes]:
    (length,) = struct.unpack_from(">I", data)
    return data[4 : 4 + length], data[4 + length :]
