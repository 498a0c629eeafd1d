"""A platform is built with what only the files of its boards say, and a board is built when it starts from a build."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hil.board.builds import Build, build, build_linux, has_linux
from hil.board.file.boardfile import BoardFile
from hil.errors import BoardFileError
from hil.paths import CHECKOUT

if TYPE_CHECKING:
    from pathlib import Path

LINUX = (CHECKOUT / "boards" / "qemu-virt-linux.yaml").read_text()


@pytest.mark.parametrize(
    ("board", "linux"),
    [
        ("qemu-virt", False),
        ("qemu-virt-direct", True),
        ("qemu-virt-linux", True),
        ("rpi4-linux", True),
        ("rpi4", False),
    ],
)
def test_a_board_starts_from_a_build_with_linux_or_without(board: str, linux: bool) -> None:
    found = BoardFile.read(CHECKOUT / "boards" / f"{board}.yaml")
    assert Build.of_board(found) == Build(found.platform, linux=linux, coverage=False)


def test_images_from_elsewhere_are_of_no_build(tmp_path: Path) -> None:
    board = BoardFile.read(CHECKOUT / "boards" / "qemu-virt.yaml")
    assert Build.of_board(replace(board, images={"flash": tmp_path / "flash.bin"})) is None
    assert Build.of_board(replace(board, platform="mine")) is None


def test_platforms_with_a_board_that_boots_linux_have_linux() -> None:
    assert [name for name in ("juno", "qemu-virt", "rpi4") if has_linux(name)] == ["qemu-virt", "rpi4"]


def test_boards_of_a_platform_that_contradict_each_other_are_named(tmp_path: Path) -> None:
    boards = tmp_path / "boards"
    boards.mkdir()
    (boards / "one.yaml").write_text(LINUX)
    (boards / "two.yaml").write_text(LINUX.replace("smp: 2", "smp: 3"))
    with pytest.raises(BoardFileError, match="one and two have `bootargs`, and describe different machines"):
        build_linux("qemu-virt", checkout=tmp_path)
    for name in ("one", "two"):
        (tmp_path / f"{name}.bin").touch()
        (boards / f"{name}.yaml").write_text(f"options: {{platform: qemu-virt}}\nimages: {{scp: ../{name}.bin}}\n")
    with pytest.raises(BoardFileError, match="one and two name different SCP firmware"):
        build("qemu-virt", checkout=tmp_path)
