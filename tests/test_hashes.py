"""Hashes are remembered from one command to the next, and never outlive a write."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from hil import hashes
from hil.files import file_sha256
from hil.hashes import LARGE_BYTES, known_sha256

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that counts as settled at once, and a memory of its own."""
    monkeypatch.setenv("HIL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(hashes, "SETTLED_SECONDS", -1.0)
    forget()
    file = tmp_path / "image"
    file.write_bytes(bytes(LARGE_BYTES))
    return file


def forget() -> None:
    """Be as a process that has just started."""
    hashes._remembered.cache_clear()


def count_reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    read: list[Path] = []

    def counted(path: Path) -> str:
        read.append(path)
        return file_sha256(path)

    monkeypatch.setattr(hashes, "file_sha256", counted)
    return read


def test_a_later_command_does_not_read_what_nobody_has_written_to(image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = known_sha256(image)
    read = count_reads(monkeypatch)
    forget()
    assert known_sha256(image) == first == file_sha256(image)
    assert read == []


def test_a_write_is_seen_whatever_the_other_times_of_the_file_say(image: Path) -> None:
    before, status = known_sha256(image), image.stat()
    with image.open("r+b") as file:
        file.write(b"x")
    os.utime(image, ns=(status.st_atime_ns, status.st_mtime_ns))
    forget()
    assert known_sha256(image) == file_sha256(image) != before


def test_a_file_in_the_place_of_another_is_read(image: Path, tmp_path: Path) -> None:
    known_sha256(image)
    (tmp_path / "other").write_bytes(b"y" * LARGE_BYTES)
    (tmp_path / "other").replace(image)
    assert known_sha256(image) == file_sha256(image)


def test_what_was_written_just_now_is_not_remembered(image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashes, "SETTLED_SECONDS", 3600.0)
    known_sha256(image)
    read = count_reads(monkeypatch)
    known_sha256(image)
    assert read == [image]


def test_after_a_restart_of_the_machine_everything_is_read(image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known_sha256(image)
    read = count_reads(monkeypatch)
    forget()
    monkeypatch.setattr(hashes, "_boot_id", lambda: "another")
    known_sha256(image)
    assert read == [image]


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"torn": '])
def test_a_damaged_memory_is_no_memory(image: Path, tmp_path: Path, content: str) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "hashes.json").write_text(content)
    assert known_sha256(image) == file_sha256(image)
