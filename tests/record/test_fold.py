"""What a board lacks something for is told once, and only if no board of the run was fit for it."""

from __future__ import annotations

from hil.record import Case, Outcome
from hil.record.fold import without_unfit
from hil.record.verdict import count

HERE = Case("suites/linux/test_host.py::test_a", Outcome.PASSED, board="with-linux")
NOT_HERE = Case(HERE.id, Outcome.SKIPPED, reason="this board has no linux", board="bare", unfit=True)
NOWHERE = [
    Case("suites/tpm/test_b.py::test_b", Outcome.SKIPPED, reason=reason, board=board, unfit=True)
    for board, reason in (("bare", "no TZASC"), ("with-linux", "no state `monitor`"))
]


def test_a_board_that_is_unfit_is_silent_where_another_one_is_fit() -> None:
    assert without_unfit([NOT_HERE, HERE]) == (HERE,)


def test_what_no_board_is_fit_for_stays_once_with_all_reasons() -> None:
    (case,) = without_unfit(NOWHERE)
    assert case.board == "bare"
    assert case.reason == "bare: no TZASC; with-linux: no state `monitor`"


def test_boards_that_lack_the_same_are_named_together() -> None:
    third = Case(NOWHERE[0].id, Outcome.SKIPPED, reason="no TZASC", board="third", unfit=True)
    (case,) = without_unfit([*NOWHERE, third])
    assert case.reason == "bare, third: no TZASC; with-linux: no state `monitor`"


def test_on_one_board_the_reason_stays_as_it_is() -> None:
    assert without_unfit([NOT_HERE]) == (NOT_HERE,)


def test_unfit_tests_are_not_counted_as_skipped() -> None:
    counts = count([NOT_HERE, HERE, Case("suites/a.py::test", Outcome.SKIPPED, reason="not today")])
    assert (counts.unfit, counts.skipped, counts.total) == (1, 1, 3)
