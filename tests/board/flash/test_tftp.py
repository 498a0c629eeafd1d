"""Files that a TFTP server serves are whole, and verified before the board may fetch them."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from hil.board.flash import BoardDirty, FlashMemory, MediumMissing, Payload, flash
from hil.board.flash.folder import Folder
from hil.errors import FlashError
from tests.simulators.tftp import TftpServer, fetch

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def payload(tmp_path: Path) -> Payload:
    for name in ("kernel", "engine"):
        (tmp_path / name).write_bytes(os.urandom(100_000))
    return Payload.from_files([(tmp_path / "kernel", "kernel8.img"), (tmp_path / "engine", "1234abcd/engine.img")])


@pytest.fixture
def served(tmp_path: Path) -> Path:
    served = tmp_path / "served"
    served.mkdir()
    (served / "other").write_bytes(b"other")
    return served


def test_files_are_put_in_place_and_read_back(payload: Payload, served: Path, memory: FlashMemory) -> None:
    assert flash(payload, Folder("a directory", served), memory).written
    for file in payload.files:
        assert (served / file.destination).read_bytes() == file.source.read_bytes()
    names = sorted(str(path.relative_to(served)) for path in served.rglob("*") if path.is_file())
    assert names == ["1234abcd/engine.img", "kernel8.img", "other"]
    memory.check()


def test_a_board_fetches_what_was_flashed(payload: Payload, served: Path, memory: FlashMemory) -> None:
    flash(payload, Folder("a directory", served), memory)
    server = TftpServer(served)
    try:
        for file in payload.files:
            assert fetch(server.address, file.destination) == file.source.read_bytes()
    finally:
        server.close()


def test_a_directory_that_is_not_mounted_is_named(payload: Payload, tmp_path: Path, memory: FlashMemory) -> None:
    with pytest.raises(MediumMissing, match="there is no directory"):
        flash(payload, Folder("a directory", tmp_path / "elsewhere"), memory)
    assert memory.read() is None


def test_a_file_that_cannot_be_written_leaves_the_board_dirty(
    payload: Payload, served: Path, memory: FlashMemory
) -> None:
    (served / "kernel8.img").mkdir()
    with pytest.raises(FlashError, match=r"cannot write .*kernel8\.img: Is a directory"):
        flash(payload, Folder("a directory", served), memory)
    with pytest.raises(BoardDirty):
        memory.check()


def test_a_file_that_does_not_read_back_leaves_the_board_dirty(
    payload: Payload, served: Path, memory: FlashMemory
) -> None:
    def spoil(_work: object, done: int, total: int) -> None:
        if done == total:
            (served / "kernel8.img").write_bytes(b"spoilt")

    with pytest.raises(FlashError, match=r"kernel8\.img reads back as"):
        flash(payload, Folder("a directory", served), memory, meter=spoil)
    with pytest.raises(BoardDirty):
        memory.check()


def test_a_board_file_says_which_boot_partition_is_served(tmp_path: Path, served: Path) -> None:
    from hil.board.file import labgridenv

    for name in ("armstub.bin", "monitor.bin", "board.dtb"):
        (tmp_path / name).write_bytes(os.urandom(1000))
    images = {"armstub": "armstub.bin", "kernel": "monitor.bin", "devicetree": "board.dtb", "config": "made/config.txt"}
    partition = {key: key for key in images} | {"kernel_address": 0x20_0000, "videocore": "absent"}
    content = {
        "imports": ["hil.drivers"],
        "images": {key: str(tmp_path / path) for key, path in images.items()},
        "targets": {
            "main": {
                "resources": [{"TFTPProvider": {"internal": str(served), "external": "."}}],
                "drivers": [{"BootPartitionDriver": partition}, {"TFTPFlasher": {"folder": "1234abcd"}}],
            }
        },
    }
    (served / "1234abcd").mkdir()
    file = tmp_path / "netboot.yaml"
    file.write_text(json.dumps(content))
    flasher = labgridenv.target(labgridenv.load(file)).get_driver("TFTPFlasher")
    assert flasher.flash().written
    assert "kernel=monitor.bin" in (served / "1234abcd" / "config.txt").read_text()
    assert (served / "1234abcd" / "monitor.bin").read_bytes() == (tmp_path / "monitor.bin").read_bytes()
    flasher.check()
