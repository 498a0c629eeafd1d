from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from hil.errors import BoardFileError
from hil.firmware.machine import Machine

BOARD = Path(__file__).parents[2] / "boards" / "qemu-virt-linux.yaml"


def test_addresses_and_arguments_are_those_of_the_board_file() -> None:
    machine = Machine.of(BOARD)
    assert (machine.kernel_address, machine.initrd_address) == (0x42000000, 0x48000000)
    assert "secure=on" in machine.model
    assert machine.arguments[machine.arguments.index("-smp") + 1] == "2"
    assert "console=ttyAMA0" in machine.bootargs


@pytest.mark.parametrize("key", ["bootargs", "loads", "cpu"])
def test_a_board_file_that_lacks_something_is_named(tmp_path: Path, key: str) -> None:
    board = yaml.safe_load(BOARD.read_text())
    drivers = board["targets"]["main"]["drivers"]
    for place in (board["options"], *(entry.get("HilQEMUDriver", {}) for entry in drivers)):
        place.pop(key, None)
    path = tmp_path / "lacking.yaml"
    path.write_text(yaml.safe_dump(board))
    with pytest.raises(BoardFileError, match=r"lacking\.yaml") as error:
        Machine.of(path)
    assert key in error.value.message
