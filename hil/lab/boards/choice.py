"""Chooses the board of a run whose user named none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.board.file.boardfile import EMULATOR, BoardFile
from hil.errors import BoardUnavailable, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from hil.lab.boards.reach import Unavailability


@dataclass(frozen=True, slots=True)
class Choice:
    """The board, and the reason for it; `from_lab` if it has to be leased."""

    board: str
    why: str
    from_lab: bool = False


def order(folder: Path, configured: Sequence[str] = ()) -> list[str]:
    """Return the boards of `folder` to choose from when nobody names one: those that are `configured`, else all.

    Emulators come last where nobody said otherwise. Raises `UsageError` if there is no board.
    """
    names = sorted(path.stem for path in folder.glob("*.yaml"))
    if not names:
        raise UsageError(f"there is no board in {folder}", hint="hil new board NAME")
    return [*configured] or sorted(names, key=lambda name: BoardFile.read(folder / f"{name}.yaml").kind == EMULATOR)


def choose(
    order: Sequence[str], unavailable: Callable[[str], Unavailability | None], offered: Callable[[str], bool]
) -> Choice:
    """Return the first board of `order` that is not `unavailable` here, or that the lab has `offered`.

    Raises `BoardUnavailable` with all reasons if there is none.
    """
    passed_over: list[str] = []
    for board in order:
        found = unavailable(board)
        if found is None:
            return Choice(board, "; ".join(passed_over) or f"it is the first of {', '.join(order)}")
        passed_over.append(f"{board}: {found}")
        if offered(board):
            return Choice(board, "; ".join(passed_over), from_lab=True)
    raise BoardUnavailable(f"no board can be used: {'; '.join(passed_over)}", hint="hil boards; hil doctor")
