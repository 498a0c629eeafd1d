"""The first board that can be used is taken, and the reason says what is wrong with those before it."""

from __future__ import annotations

import pytest

from hil.errors import BoardUnavailable
from hil.lab.boards.choice import Choice, choose
from hil.lab.boards.reach import Obstacle, Unavailability

ORDER = ("rpi4", "juno", "qemu-virt")
TROUBLES = {
    "rpi4": Unavailability(Obstacle.DEVICE, "there is no serial port /dev/ttyUSB0"),
    "juno": Unavailability(Obstacle.HELD, "place juno-1 belongs to joe"),
}


def nowhere(_board: str) -> bool:
    """No lab has any board."""
    return False


def test_the_first_board_that_can_be_used_is_taken() -> None:
    assert choose(ORDER, TROUBLES.get, nowhere) == Choice(
        "qemu-virt",
        "rpi4: there is no serial port /dev/ttyUSB0; juno: place juno-1 belongs to joe",
        instead_of=("rpi4", "juno"),
    )


def test_boards_after_the_chosen_one_are_not_even_looked_at() -> None:
    looked_at: list[str] = []
    assert choose(ORDER, looked_at.append, nowhere).board == "rpi4"
    assert looked_at == ["rpi4"]


def test_when_no_board_can_be_used_all_reasons_are_told() -> None:
    with pytest.raises(BoardUnavailable, match=r"rpi4: there is no serial port.*juno: place juno-1 belongs to joe"):
        choose(ORDER[:2], TROUBLES.get, nowhere)


def test_a_board_that_the_lab_has_to_offer_goes_before_the_next_one_here() -> None:
    choice = choose(ORDER, TROUBLES.get, lambda board: board == "rpi4")
    assert choice == Choice("rpi4", "rpi4: there is no serial port /dev/ttyUSB0", from_lab=True)
