"""Which board a run takes when nobody names one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.errors import BoardUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hil.lab.boards.reach import Trouble


@dataclass(frozen=True, slots=True)
class Choice:
    """The board, and why it is that one; `lent` when the lab has it and this machine has not."""

    board: str
    why: str
    lent: bool = False


def choose(order: Sequence[str], trouble: Callable[[str], Trouble | None], offered: Callable[[str], bool]) -> Choice:
    """Return the first board of `order` that nothing keeps us from using, or that is offered by the lab.

    Raises `BoardUnavailable` with all reasons when there is none.
    """
    passed_over: list[str] = []
    for board in order:
        found = trouble(board)
        if found is None:
            return Choice(board, "; ".join(passed_over) or f"it is the first of {', '.join(order)}")
        passed_over.append(f"{board}: {found}")
        if offered(board):
            return Choice(board, "; ".join(passed_over), lent=True)
    raise BoardUnavailable(f"no board can be used: {'; '.join(passed_over)}", hint="hil boards; hil doctor")
