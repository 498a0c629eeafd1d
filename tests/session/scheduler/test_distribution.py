"""Each test goes to one seat, and to another one only if it was not begun."""

from __future__ import annotations

import pytest

from hil.errors import InfrastructureError
from hil.session.scheduler.distribution import Distribution

GROUPS = (("a",), ("b", "c"), ("d",))


@pytest.fixture
def distribution() -> Distribution:
    distribution = Distribution()
    assert distribution.plan(GROUPS)
    return distribution


def run(distribution: Distribution, seat: str, *ids: str) -> None:
    for id in ids:
        distribution.begin(seat, id)
        distribution.end(seat, id)


def test_every_test_is_assigned_once_and_groups_stay_together(distribution: Distribution) -> None:
    assert [distribution.take(seat) for seat in ("x", "y", "x", "y")] == [*GROUPS, ()]


def test_long_tests_come_first_and_a_new_test_counts_as_average() -> None:
    distribution = Distribution()
    assert distribution.plan(GROUPS, {"a": 1.0, "b": 2.0, "d": 9.0})
    assert [distribution.take("x"), distribution.take("x"), distribution.take("x")] == [("d",), ("b", "c"), ("a",)]


def test_it_is_complete_when_all_tests_have_run_not_when_all_are_assigned(distribution: Distribution) -> None:
    for group in GROUPS:
        distribution.take(group[0])
    assert not distribution.is_complete
    for group in GROUPS:
        run(distribution, group[0], *group)
    assert distribution.is_complete


def test_a_lost_seat_leaves_what_it_had_not_started_to_another_but_not_what_it_ran(distribution: Distribution) -> None:
    distribution.take("x")
    run(distribution, "x", "a")
    distribution.take("x")
    distribution.begin("x", "b")
    assert distribution.take_back("x") == "b"
    assert [distribution.take("y"), distribution.take("y")] == [("c",), ("d",)]


def test_a_seat_that_is_lost_between_two_tests_loses_none(distribution: Distribution) -> None:
    distribution.take("x")
    assert distribution.take_back("x") == ""
    assert distribution.take("y") == ("a",)


def test_a_test_that_is_given_back_runs_next_and_elsewhere_if_that_can_be(distribution: Distribution) -> None:
    distribution.take("x")
    run(distribution, "x", "a")
    distribution.requeue("x", "a")
    assert distribution.take("x", alone=False) == ("b", "c")
    assert distribution.take("y", alone=False) == ("a",)
    distribution.requeue("y", "a")
    assert distribution.take("y", alone=True) == ("a",)


def test_nothing_is_complete_while_a_test_waits_to_run_again(distribution: Distribution) -> None:
    for group in GROUPS:
        distribution.take("x")
        run(distribution, "x", *group)
    distribution.requeue("x", "d")
    assert distribution.has_waiting
    assert not distribution.is_complete


def test_tests_that_no_seat_is_left_for_are_returned(distribution: Distribution) -> None:
    distribution.take("x")
    run(distribution, "x", "a")
    assert distribution.drop_waiting() == ("b", "c", "d")
    assert distribution.is_complete


def test_seats_that_find_other_tests_are_not_of_the_same_board(distribution: Distribution) -> None:
    assert not distribution.plan(GROUPS)
    with pytest.raises(InfrastructureError, match="other tests"):
        distribution.plan(GROUPS[1:])
