"""Where a board file says that the images of a guest lie."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from hil.errors import BoardFileError
from hil.linux import GuestImages
from hil.session.board import Board
from hil.target.monitor import Loaded

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def make_board(tmp_path: Path) -> Callable[[dict[str, Any]], Board]:
    """Return a board whose file has these addresses, with images of three and of four bytes."""
    for name, content in (("kernel", b"abc"), ("initrd", b"abcd")):
        (tmp_path / name).write_bytes(content)

    def make(addresses: dict[str, Any]) -> Board:
        images = {name: str(tmp_path / name) for name in ("kernel", "initrd")}
        data = {"images": images, "options": {"guest_images": addresses}}
        environment = SimpleNamespace(config_file="bench.yaml", config=SimpleNamespace(data=data))
        target: Any = SimpleNamespace(env=environment)
        strategy: Any = None
        return Board("bench", {}, "", target, strategy)

    return make


def test_addresses_come_from_the_options_and_sizes_from_the_files(
    make_board: Callable[[dict[str, Any]], Board],
) -> None:
    images = make_board({"kernel": 0x5000_0000, "initrd": 0x5400_0000}).guest_images()
    assert images == GuestImages(Loaded(0x5000_0000, 3), Loaded(0x5400_0000, 4))


def test_board_without_an_address_is_told_what_is_missing(make_board: Callable[[dict[str, Any]], Board]) -> None:
    with pytest.raises(BoardFileError, match="'initrd'") as caught:
        make_board({"kernel": 0x5000_0000}).guest_images()
    assert "guest_images" in caught.value.context.hint


def test_image_that_was_not_built_is_named(make_board: Callable[[dict[str, Any]], Board], tmp_path: Path) -> None:
    board = make_board({"kernel": 0x5000_0000, "initrd": 0x5400_0000})
    (tmp_path / "initrd").unlink()
    with pytest.raises(BoardFileError, match="initrd"):
        board.guest_images()
