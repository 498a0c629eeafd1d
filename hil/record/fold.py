"""One test on several boards: a board that does not support it has no say, as long as another one ran it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hil.record.case import Case


def without_unfit(cases: Iterable[Case]) -> tuple[Case, ...]:
    """Leave out the cases that a board does not support, where another board of the run supports the test.

    A test that no board supports stays once, as a case of the first board, with the reasons of all boards.
    """
    everything = tuple(cases)
    fit = {case.id for case in everything if not case.unfit}
    reasons: dict[str, dict[str, str]] = {}
    for case in everything:
        if case.unfit and case.id not in fit:
            reasons.setdefault(case.id, {})[case.board] = case.reason
    kept = []
    for case in everything:
        if not case.unfit:
            kept.append(case)
        elif why := reasons.pop(case.id, None):
            kept.append(replace(case, reason=_told(why)))
    return tuple(kept)


def _told(reasons: dict[str, str]) -> str:
    boards: dict[str, list[str]] = {}
    for board, reason in reasons.items():
        boards.setdefault(reason, []).append(board)
    if len(boards) == 1:
        return next(iter(boards))
    return "; ".join(f"{', '.join(names)}: {reason}" for reason, names in boards.items())
