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
    """The board, and the reason for it; `from_lab` if it has to be leased, `instead_of` those that cannot be used."""

    board: str
    why: str
    from_lab: bool = False
    instead_of: tuple[str, ...] = ()

    @property
    def briefly(self) -> str:
        """The choice in a line. What is wrong with boards that nobody asked for stands in the record."""
        place = " of the lab" if self.from_lab else ""
        others = f" ({', '.join(self.instead_of)} cannot be used now: hil boards)" if self.instead_of else ""
        return f"board {self.board}{place}{others}"


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
    passed_over: dict[str, str] = {}
    for board in order:
        found = unavailable(board)
        if found is None:
            why = "; ".join(passed_over.values()) or f"it is the first of {', '.join(order)}"
            return Choice(board, why, instead_of=tuple(passed_over))
        before = tuple(passed_over)
        passed_over[board] = f"{board}: {found}"
        if offered(board):
            return Choice(board, "; ".join(passed_over.values()), from_lab=True, instead_of=before)
    raise BoardUnavailable(f"no board can be used: {'; '.join(passed_over.values())}", hint="hil boards; hil doctor")
