"""Each test is dealt to one seat, and to another one only if it was not begun."""

from __future__ import annotations

import pytest

from hil.errors import InfrastructureError
from hil.session.scheduler.deal import Deal

GROUPS = (("a",), ("b", "c"), ("d",))


@pytest.fixture
def deal() -> Deal:
    deal = Deal()
    assert deal.plan(GROUPS)
    return deal


def run(deal: Deal, seat: str, *ids: str) -> None:
    for id in ids:
        deal.begin(seat, id)
        deal.end(seat, id)


def test_every_test_is_dealt_once_and_groups_stay_together(deal: Deal) -> None:
    assert [deal.take("x"), deal.take("y"), deal.take("x"), deal.take("y")] == [*GROUPS, ()]


def test_what_takes_long_is_dealt_first_and_what_is_new_is_taken_for_average() -> None:
    deal = Deal()
    assert deal.plan(GROUPS, {"a": 1.0, "b": 2.0, "d": 9.0})
    assert [deal.take("x"), deal.take("x"), deal.take("x")] == [("d",), ("b", "c"), ("a",)]


def test_a_deal_is_complete_when_everything_has_run_not_when_everything_is_dealt(deal: Deal) -> None:
    for group in GROUPS:
        deal.take(group[0])
    assert not deal.complete
    for group in GROUPS:
        run(deal, group[0], *group)
    assert deal.complete


def test_what_a_lost_seat_had_not_begun_goes_to_another_one_and_what_it_ran_does_not(deal: Deal) -> None:
    deal.take("x")
    run(deal, "x", "a")
    deal.take("x")
    deal.begin("x", "b")
    assert deal.lose("x") == "b"
    assert [deal.take("y"), deal.take("y")] == [("c",), ("d",)]


def test_a_seat_that_is_lost_between_two_tests_loses_none(deal: Deal) -> None:
    deal.take("x")
    assert deal.lose("x") == ""
    assert deal.take("y") == ("a",)


def test_a_test_that_is_given_back_runs_next_and_elsewhere_if_that_can_be(deal: Deal) -> None:
    deal.take("x")
    run(deal, "x", "a")
    deal.again("x", "a")
    assert deal.take("x", alone=False) == ("b", "c")
    assert deal.take("y", alone=False) == ("a",)
    deal.again("y", "a")
    assert deal.take("y", alone=True) == ("a",)


def test_nothing_is_complete_while_a_test_waits_to_run_again(deal: Deal) -> None:
    for group in GROUPS:
        deal.take("x")
        run(deal, "x", *group)
    deal.again("x", "d")
    assert deal.waits
    assert not deal.complete


def test_what_nobody_is_left_for_can_be_told(deal: Deal) -> None:
    deal.take("x")
    run(deal, "x", "a")
    assert deal.forfeit() == ("b", "c", "d")
    assert deal.complete


def test_seats_that_find_other_tests_are_not_of_the_same_board(deal: Deal) -> None:
    assert not deal.plan(GROUPS)
    with pytest.raises(InfrastructureError, match="other tests"):
        deal.plan(GROUPS[1:])
