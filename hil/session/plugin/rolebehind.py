"""Finds out which of several boards an error comes from."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

from hil.errors import HilError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hil.session.board import Board


def role_behind(error: BaseException, boards: Mapping[str, Board]) -> str:
    """Return the role of the board that was in use where an error was raised; empty if none was, or all well are.

    Of an error about no board, such as an assertion, nobody can say that: a test compares what it has from both.
    """
    link: BaseException | None = error
    seen: set[int] = set()
    while link is not None and id(link) not in seen:  # a chain of causes can be a cycle
        seen.add(id(link))
        for frame, _ in reversed(list(traceback.walk_tb(link.__traceback__))):
            for role, board in boards.items():
                if _is_part(frame.f_locals.get("self"), board):
                    return role
        link = link.__cause__
    lost = [role for role, board in boards.items() if board.strategy.broken or getattr(board.strategy, "dead", False)]
    return lost[0] if len(lost) == 1 and isinstance(error, HilError) else ""


def _is_part(owner: Any, board: Board) -> bool:
    """Whether an object is one of a board: a driver, what is behind one, or a line with one of its transcripts."""
    transcripts = [*getattr(board.strategy, "transcripts", {}).values()]
    return any(
        part is not None and (part is board.target or any(part is known for known in transcripts))
        for part in _attributes(owner)
    )


def _attributes(owner: Any) -> Iterator[Any]:
    yield getattr(owner, "target", None)
    yield getattr(owner, "_transcript", None)
    for name in ("_strategy", "_driver"):
        yield getattr(getattr(owner, name, None), "target", None)
