from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from hil.firmware.errors import BuildFailed
from hil.firmware.initramfs import Initramfs

if TYPE_CHECKING:
    from pathlib import Path

HEADER = 110


def unpacked(archive: bytes) -> dict[str, tuple[int, bytes]]:
    """Read an archive as the kernel does: mode and content by name, up to the trailer."""
    files: dict[str, tuple[int, bytes]] = {}
    at = 0
    while True:
        assert at % 4 == 0
        assert archive[at : at + 6] == b"070701"
        fields = [int(archive[at + 6 + 8 * n : at + 14 + 8 * n], 16) for n in range(13)]
        mode, size, name_size = fields[1], fields[6], fields[11]
        name = archive[at + HEADER : at + HEADER + name_size].rstrip(b"\0").decode()
        start = at + -(-(HEADER + name_size) // 4) * 4
        if name == "TRAILER!!!":
            assert start == len(archive)
            return files
        assert fields[2:4] == [0, 0]
        files[name] = (mode, archive[start : start + size])
        at = start + -(-size // 4) * 4


def test_files_links_and_directories_come_out_as_they_went_in() -> None:
    archive = Initramfs()
    archive.file("bin/tool", b"content", 0o755)
    archive.link("init", "bin/tool")
    archive.directory("root", 0o700)
    assert unpacked(archive.cpio()) == {
        "bin": (stat.S_IFDIR | 0o755, b""),
        "bin/tool": (stat.S_IFREG | 0o755, b"content"),
        "init": (stat.S_IFLNK | 0o777, b"bin/tool"),
        "root": (stat.S_IFDIR | 0o700, b""),
    }


def test_directories_come_before_what_is_in_them() -> None:
    archive = Initramfs()
    archive.file("a/b/c", b"")
    archive.file("a-b", b"")
    names = list(unpacked(archive.cpio()))
    assert names.index("a") < names.index("a/b") < names.index("a/b/c")


def test_the_same_content_gives_the_same_bytes_whatever_the_order_and_the_dates(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("1")
    (tmp_path / "two").write_text("2")
    first = Initramfs()
    first.tree(tmp_path)
    os.utime(tmp_path / "one", (1, 1))
    second = Initramfs()
    second.file("two", b"2")
    second.file("one", b"1")
    assert first.cpio() == second.cpio()


def test_what_may_be_executed_in_a_tree_may_be_executed_on_the_target(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    for name, permissions in (("rc", 0o700), ("passwd", 0o600)):
        (tmp_path / "etc" / name).write_text("")
        (tmp_path / "etc" / name).chmod(permissions)
    archive = Initramfs()
    archive.tree(tmp_path)
    files = unpacked(archive.cpio())
    assert [files[f"etc/{name}"][0] & 0o777 for name in ("rc", "passwd")] == [0o755, 0o644]


def test_two_things_under_one_name_are_refused() -> None:
    archive = Initramfs()
    archive.file("bin/sh", b"one")
    archive.file("bin/sh", b"one")
    with pytest.raises(BuildFailed, match="bin/sh"):
        archive.link("bin/sh", "busybox")


@pytest.mark.parametrize("path", ["/etc/rc", "../etc/rc", ""])
def test_a_path_out_of_the_root_is_refused(path: str) -> None:
    with pytest.raises(BuildFailed, match="no path relative to the root"):
        Initramfs().file(path, b"")
