"""Only the image that was built, copied and read back is ever started."""

from __future__ import annotations

import gc
import hashlib
import json
import os
from pathlib import Path

import pytest

from hil.board.drivers import image
from hil.errors import FlashError, UsageError
from hil.manifest import MANIFEST


def built(directory: Path, content: bytes, recorded: bytes | None = None) -> Path:
    path = directory / "flash.bin"
    path.write_bytes(content)
    digest = hashlib.sha256(recorded if recorded is not None else content).hexdigest()
    files = {"flash.bin": {"size": len(content), "sha256": digest}}
    (directory / MANIFEST).write_text(json.dumps({"files": files}))
    return path


def test_a_built_image_is_copied_whole(tmp_path: Path) -> None:
    content = os.urandom(1 << 20)
    flashed = image.flash(built(tmp_path, content))
    assert Path(flashed.path).read_bytes() == content
    assert flashed.sha256 == hashlib.sha256(content).hexdigest()
    flashed.close()


def test_an_image_that_differs_from_its_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FlashError, match=r"flash\.bin is not what was built"):
        image.flash(built(tmp_path, b"one", recorded=b"two"))


def test_a_copy_that_does_not_read_back_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, bytes([data[0] ^ 1]) + data[1:]))
    gc.collect()  # what earlier tests have left open
    before = set(Path("/proc/self/fd").iterdir())
    with pytest.raises(FlashError, match="read back"):
        image.flash(built(tmp_path, b"content"))
    assert set(Path("/proc/self/fd").iterdir()) == before


def test_a_flashed_copy_cannot_be_changed(tmp_path: Path) -> None:
    flashed = image.flash(built(tmp_path, b"content"))
    with pytest.raises(PermissionError):
        os.pwrite(flashed.fd, b"x", 0)
    flashed.close()


def test_an_image_without_a_manifest_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "guest.bin").write_bytes(b"guest")
    flashed = image.flash(tmp_path / "guest.bin")
    assert Path(flashed.path).read_bytes() == b"guest"
    flashed.close()


@pytest.mark.parametrize("manifest", ["", "[]", '{"files": 3}', '{"files": {"flash.bin": {}}}'])
def test_a_damaged_manifest_is_a_usage_error(tmp_path: Path, manifest: str) -> None:
    path = built(tmp_path, b"content")
    (tmp_path / MANIFEST).write_text(manifest)
    with pytest.raises(UsageError, match="is damaged"):
        image.flash(path)
