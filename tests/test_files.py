"""Files are whole or not there, and are known by their content."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from hil.files import file_sha256, link_atomically, replaced_atomically, write_atomically

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_that_cannot_be_written_keeps_its_old_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "junit.xml"
    write_atomically(path, b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_writer_that_gives_up_half_way_leaves_the_old_content(tmp_path: Path) -> None:
    path = tmp_path / "image.bin"
    write_atomically(path, b"old")

    def write_half() -> None:
        with replaced_atomically(path) as file:
            file.write(b"ne")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_a_file_gets_its_permissions_whatever_the_umask_is(tmp_path: Path, mode: int) -> None:
    before = os.umask(0o077)
    try:
        write_atomically(tmp_path / "key", b"content", mode=mode)
    finally:
        os.umask(before)
    assert (tmp_path / "key").stat().st_mode & 0o777 == mode


def test_a_link_is_made_anew_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    for target in ("first", "second"):
        link_atomically(tmp_path / "latest", target)
        assert (tmp_path / "latest").readlink().name == target
    assert [path.name for path in tmp_path.iterdir()] == ["latest"]


def test_a_file_is_named_by_the_hash_of_its_content(tmp_path: Path) -> None:
    (tmp_path / "message").write_bytes(b"abc")  # the first example of FIPS 180-2, appendix B
    assert file_sha256(tmp_path / "message") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
