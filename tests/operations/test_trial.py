"""What a trial counts as a lost lease is one."""

from __future__ import annotations

import pytest

from hil.lab.client import PlaceStatus
from hil.operations.trial.trial import LabAfterwards


def place(state: str, health: str) -> PlaceStatus:
    return PlaceStatus("simulated-1", {"board": "simulated"}, state, "", health, "")


@pytest.mark.parametrize(
    ("places", "lost", "sick"),
    [
        ([place("free", "good")] * 2, 0, 0),
        ([place("held by anna@desk", "good"), place("reserved", "good")], 2, 0),
        ([place("out of the pool: not checked yet", "suspect"), place("being checked", "suspect")], 0, 2),
        ([place("out of the pool: silent for 30 s", "sick"), place("free", "good")], 0, 1),
        ([], 2, 0),
    ],
    ids=["all free", "held and reserved", "to be checked", "sick", "no keeper"],
)
def test_a_board_that_is_not_checked_in_time_is_no_lost_lease(places: list[PlaceStatus], lost: int, sick: int) -> None:
    said: list[str] = []
    assert LabAfterwards.from_places(places, expected=2, say=said.append) == LabAfterwards(lost, sick)
    assert len(said) == (lost + sick if places else 0)
