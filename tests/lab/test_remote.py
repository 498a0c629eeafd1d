"""Boards of a lab are described as those on the bench are, but for where they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml
from labgrid import Target
from labgrid.resource import remote

from hil.board.drivers.flashnotes import flash_memory, is_shared
from hil.board.file import labgridenv
from hil.board.flash import Payload
from hil.errors import BoardFileError
from tests.lab.laboratory import ROOT

if TYPE_CHECKING:
    from pathlib import Path

BOARDS = ROOT / "boards"
REMOTE = sorted(BOARDS.glob("*-remote.yaml"))


class Loader(yaml.SafeLoader):  # type: ignore[misc]
    """Takes labgrid's `!template` for the text that it marks."""


Loader.add_constructor("!template", Loader.construct_scalar)


def content(path: Path) -> tuple[dict[str, Any], Any]:
    """What a board file says, and its resources."""
    board = yaml.load(path.read_text(), Loader)
    return board, board["targets"]["main"].pop("resources")


@pytest.mark.parametrize("path", REMOTE, ids=[path.stem for path in REMOTE])
def test_a_board_of_a_lab_differs_from_one_on_the_bench_only_in_its_resources(path: Path) -> None:
    there, resources = content(path)
    here, _ = content(path.with_stem(path.stem.removesuffix("-remote")))
    here["options"].pop("linux_board", None)  # which is on the bench, too
    assert there == here
    assert resources == [{"RemotePlace": {"name": "$LG_PLACE"}}]


def test_a_board_of_a_lab_without_a_place_is_the_users_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LG_PLACE", raising=False)
    with pytest.raises(BoardFileError, match="LG_PLACE"):
        labgridenv.load(BOARDS / "rpi4-remote.yaml")


def test_what_is_flashed_is_noted_by_place_and_trusted_only_on_the_bench(
    monkeypatch: pytest.MonkeyPatch, device_root: Path
) -> None:
    monkeypatch.setattr(remote.RemotePlaceManager, "on_resource_added", lambda *_: None)
    there, here = Target("main"), Target("main")
    remote.RemotePlace(there, name="rpi4-7")
    memory = flash_memory(there)
    with memory.exclusive():
        memory.begin(Payload(()), "a card")
    assert [file.stem for file in device_root.glob("*.json")] == ["rpi4-7"]
    assert (is_shared(there), is_shared(here)) == (True, False)
