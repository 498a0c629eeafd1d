"""Whatever is wrong with a board file is said with its line, its key and the nearest valid name, and all at once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from hil.board.file.check import problems
from hil.board.file.keys import FEATURES
from hil.board.file.labgridenv import check_file
from hil.board.file.placeholders import unfilled
from hil.errors import BoardFileError
from hil.session.plugin.markers import NEEDS
from tests.board.file.mistakes import BOARDS, GOOD, HARDLY, MISTAKES

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(("right", "wrong", "message"), MISTAKES, ids=[message for _, _, message in MISTAKES])
def test_a_mistake_is_named_with_its_line(tmp_path: Path, right: str, wrong: str, message: str) -> None:
    assert right in GOOD
    text = GOOD.replace(right, wrong, 1)
    board = _board(tmp_path, text)
    found = {one.message: one.line for one in problems(board)}
    (said,) = [one for one in found if message in one]
    changed = [n for n, (a, b) in enumerate(zip(GOOD.splitlines(), text.splitlines(), strict=False), 1) if a != b]
    assert found[said] - changed[0] in (0, 1)


def test_all_mistakes_are_said_at_once_from_top_to_bottom(tmp_path: Path) -> None:
    text = GOOD.replace("kind:", "kin:").replace("memory:", "memmory:").replace("deadline: 15", "deadline: -1")
    lines = [one.line for one in problems(_board(tmp_path, text))]
    expected = [number for number, line in enumerate(GOOD.splitlines(), 1) if _any(line, "kind:", "memory:", ": 15")]
    assert set(expected) <= set(lines)
    assert lines == sorted(lines)


def _any(line: str, *parts: str) -> bool:
    return any(part in line for part in parts)


@pytest.mark.parametrize(("text", "message"), HARDLY)
def test_what_is_hardly_a_board_file_is_said_to_be_none(tmp_path: Path, text: str, message: str) -> None:
    assert [one for one in problems(_board(tmp_path, text)) if message in one.message]


def test_a_file_that_is_no_text_is_said_to_be_none(tmp_path: Path) -> None:
    file = tmp_path / "binary.yaml"
    file.write_bytes(b"\xff\xfe\x00")
    assert [one.at(file) for one in problems(file)] == [f"{file}: is not text in UTF-8"]
    assert [one.message for one in problems(tmp_path)] == ["cannot be read: Is a directory"]


def test_a_driver_above_what_it_uses_is_told_to_move(tmp_path: Path) -> None:
    driver = "      - MonitorDriver:\n          bindings: { console: monitor }\n"
    board = GOOD.replace(driver, "").replace(
        "      - UartDriver: { name: monitor }", driver + "      - UartDriver: { name: monitor }"
    )
    (found,) = problems(_board(tmp_path, board))
    assert "MonitorDriver.bindings.console`: `UartDriver` comes further below; move it above" in found.message


def test_a_driver_without_what_it_uses_is_told_what_there_could_be(tmp_path: Path) -> None:
    board = GOOD.replace("      - UartDriver: { name: monitor }\n", "").replace(
        "          bindings: { console: monitor }\n", ""
    )
    found = problems(_board(tmp_path, board.replace("- MonitorDriver:\n", "- SSHDriver: {}\n")))
    assert [one.message.partition(":")[0].partition(" ")[0] for one in found] == [
        "`targets.main.drivers.SSHDriver.bindings.networkservice`",
        "state",
    ]
    assert "state `monitor` needs a `MonitorDriver`" in found[1].message


def test_a_required_attribute_that_is_missing_is_named(tmp_path: Path) -> None:
    (found,) = problems(
        _board(tmp_path, GOOD.replace("          machine: virt,secure=on,virtualization=on,gic-version=3\n", ""))
    )
    assert found.message == "`targets.main.drivers.HilQEMUDriver.machine` is missing"


def test_features_and_options_of_ones_own_are_welcome(tmp_path: Path) -> None:
    text = GOOD.replace("  kind:", "  rack: 4\n  kind:").replace("features:\n", "features:\n      can_bus: two\n")
    assert problems(_board(tmp_path, text)) == []


def test_drivers_of_ones_own_in_a_file_beside_the_board_are_known(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(
        "import attr\nfrom labgrid.driver import Driver\nfrom labgrid.factory import target_factory\n"
        "@target_factory.reg_driver\n@attr.s(eq=False)\nclass OwnDriver(Driver):\n    colour = attr.ib()\n"
    )
    text = GOOD.replace("imports:\n", "imports:\n  - own.py\n").replace(
        "drivers:\n", "drivers:\n      - OwnDriver: {color: 1}\n"
    )
    for _ in range(2):  # labgrid, too, must be able to import it after us
        found = [one.message for one in problems(_board(tmp_path, text))]
        assert any("OwnDriver.color`; did you mean `colour`?" in one for one in found)
    (tmp_path / "own.py").write_text("1/0\n")
    assert any(
        "`own.py` cannot be imported: ZeroDivisionError" in one.message for one in problems(_board(tmp_path, text))
    )


@pytest.mark.parametrize("board", sorted(BOARDS.glob("*.yaml")), ids=lambda path: path.stem)
def test_nothing_is_wrong_with_our_own(board: Path) -> None:
    assert problems(board) == []


def test_a_line_of_a_real_board_without_its_port_is_named(tmp_path: Path) -> None:
    text = (BOARDS / "juno.yaml").read_text()
    wrong = text.replace("USBSerialPort: { name: firmware", "USBSerialPort: { name: firmwear")
    (found,) = problems(_board(tmp_path, wrong))
    line = next(number for number, line in enumerate(text.splitlines(), 1) if "uarts: [monitor, firmware]" in line)
    assert found.line == line
    assert "uarts[1]` has no serial port among the resources: `firmware`; did you mean `firmwear`?" in found.message


def test_a_fact_that_says_nothing_is_no_reason(tmp_path: Path) -> None:
    text = re.sub(r"    stage2_write_check: QEMU 10.*", "    stage2_write_check: ' '", GOOD)
    found = [one.message for one in problems(_board(tmp_path, text))]
    assert found == ["`options.facts.stage2_write_check` says nothing; it is the reason of skips"]


def test_what_is_not_filled_in_is_named_with_its_line_and_regular_expressions_are_not() -> None:
    file = BOARDS / "rpi4.yaml"
    lines = file.read_text().splitlines()
    found = unfilled(file)
    assert [one.message.partition("filled in: ")[2] for one in found] == [
        "<serial number of the SD mux>",
        "<its address>",
        "<serial number of the adapter>",
    ]
    assert all(one.message.partition("filled in: ")[2] in lines[one.line - 1] for one in found)
    assert unfilled(BOARDS / "qemu-virt.yaml") == []
    with pytest.raises(BoardFileError, match=rf"rpi4\.yaml:{found[0].line}:"):
        check_file(file)


def test_brackets_of_regular_expressions_are_no_placeholders(tmp_path: Path) -> None:
    text = GOOD.replace("'^NOTICE:  BL1: v", "'(?P<level>NOTICE):  BL1: <build> v")
    assert text != GOOD
    assert unfilled(_board(tmp_path, text)) == []


def test_features_that_markers_ask_for_are_described() -> None:
    assert {need.feature for need in NEEDS.values()} <= FEATURES.keys()


def _board(directory: Path, text: str) -> Path:
    """Write the board file, and those that its options name."""
    (directory / "qemu-virt-linux.yaml").touch()
    board = directory / "board.yaml"
    board.write_text(text)
    return board
