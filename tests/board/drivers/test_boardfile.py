"""A mistake in a board file is an error that names file, key and nearest name."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hil.board.file import labgridenv
from hil.errors import BoardFileError
from hil.headers import firmware_header, read_defines
from tests.board.drivers.conftest import write_board

if TYPE_CHECKING:
    from collections.abc import Callable

BOARDS = Path(__file__).parents[3] / "boards"
Attributes = dict[str, Any]


def changed(directory: Path, change: Callable[[Attributes, Attributes, Attributes], object]) -> Path:
    """Write a good board file, changed by a function of the whole, the emulator's and the strategy's attributes."""
    path = write_board(directory, directory / "guest.bin")
    content = json.loads(path.read_text())
    drivers = content["targets"]["main"]["drivers"]
    change(content, drivers[0]["HilQEMUDriver"], drivers[-1]["BoardStrategy"])
    path.write_text(json.dumps(content))
    return path


def opened(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        labgridenv.load(path).get_target().get_strategy()


def first_banner(strategy: Attributes) -> Attributes:
    banner: Attributes = strategy["states"]["firmware"]["banners"][0]
    return banner


MISTAKES: dict[str, Callable[[Attributes, Attributes, Attributes], object]] = {
    "unknown key `target`; did you mean `targets`?": lambda top, _qemu, _strategy: top.update(target={}),
    "unknown key `targets.main.driver`; did you mean `drivers`?": lambda top, _qemu, _strategy: top["targets"][
        "main"
    ].update(driver={}),
    "there is no `QEMUDriverr`; did you mean `QEMUDriver`?": lambda top, _qemu, _strategy: top["targets"]["main"][
        "drivers"
    ].append({"QEMUDriverr": {}}),
    "unknown key `targets.main.drivers.HilQEMUDriver.memmory`; did you mean `memory`?": lambda _top, qemu, _strategy: (
        qemu.update(memmory="1G")
    ),
    "state `firmwear`: did you mean `firmware`?": lambda _top, _qemu, strategy: strategy["states"].update(firmwear={}),
    "`states.firmware.deadline` is missing": lambda _top, _qemu, strategy: strategy["states"]["firmware"].pop(
        "deadline"
    ),
    "`states.firmware.deadline` is 'soon'": lambda _top, _qemu, strategy: strategy["states"]["firmware"].update(
        deadline="soon"
    ),
    "unknown key `states.firmware.banner`; did you mean `banners`?": lambda _top, _qemu, strategy: strategy["states"][
        "firmware"
    ].update(banner=[]),
    "`states.firmware.banners[0].uart` names no serial line: `firmwear`; did you mean `firmware`?": (
        lambda _top, _qemu, strategy: first_banner(strategy).update(uart="firmwear")
    ),
    "`panics[0].line` is no regular expression": lambda _top, _qemu, strategy: strategy["panics"][0].update(line="("),
    "`panics[0].line` is missing": lambda _top, _qemu, strategy: strategy["panics"][0].pop("line"),
}


@pytest.mark.parametrize("message", MISTAKES)
def test_a_mistake_names_file_and_key_and_the_nearest_name(tmp_path: Path, message: str) -> None:
    path = changed(tmp_path, MISTAKES[message])
    with pytest.raises(BoardFileError) as caught:
        opened(path)
    assert message in caught.value.message
    assert str(path) in caught.value.message


def test_a_missing_attribute_is_a_board_file_error(tmp_path: Path) -> None:
    path = changed(tmp_path, lambda _top, qemu, _strategy: qemu.pop("memory"))
    with pytest.raises(BoardFileError, match="memory"):
        labgridenv.target(labgridenv.load(path))


@pytest.mark.parametrize("text", ["", "targets: [", "targets: {}\n  x: 1"])
def test_what_is_no_yaml_is_a_board_file_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(BoardFileError, match=str(path)):
        labgridenv.load(path)


def test_a_board_that_is_not_there_is_named_with_the_nearest_that_is() -> None:
    with pytest.raises(BoardFileError, match="did you mean `qemu-virt`"):
        labgridenv.load(BOARDS / "qemu-vrit.yaml")


@pytest.mark.parametrize("path", sorted(BOARDS.glob("*.yaml")), ids=lambda path: path.stem)
def test_our_board_files_are_accepted_without_a_warning(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LG_PLACE", "a-place")
    monkeypatch.setattr(labgridenv, "refuse_unfilled", lambda _: None)  # they are for their users to fill in
    if "RemotePlace" in path.read_text():
        labgridenv.load(path)  # its drivers are there once a coordinator is
    else:
        opened(path)


@pytest.mark.parametrize("path", sorted(BOARDS.glob("rpi4*.yaml")), ids=lambda path: path.stem)
def test_the_engine_of_a_raspberry_pi_is_loaded_where_bl31_looks_for_it(path: Path) -> None:
    address = read_defines(firmware_header("platform/rpi4/vtpm_platform.h"))["VTPM_ENGINE_PA"]
    assert f"initramfs_address: {address:#x} " in path.read_text()


def test_a_good_file_passes_unchanged(tmp_path: Path) -> None:
    opened(changed(tmp_path, lambda _top, _qemu, _strategy: None))
