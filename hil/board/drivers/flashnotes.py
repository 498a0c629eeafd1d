"""Finds the note on the last flash of a target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labgrid.resource.remote import RemotePlace

from hil.board.file.boardfile import BoardFile
from hil.board.flash import FlashMemory

if TYPE_CHECKING:
    from labgrid import Target


def flash_memory(target: Target) -> FlashMemory:
    """Return the note on a board, by its medium or, in a lab with many such boards, by its place."""
    places = [resource.name for resource in target.resources if isinstance(resource, RemotePlace)]
    if not places and target.env:
        return FlashMemory.of_board(BoardFile.of_environment(target.env))
    return FlashMemory(places[0] if places else str(target.name))


def is_shared(target: Target) -> bool:
    """Whether other machines flash the board, too, so that the note on this one may be out of date."""
    return any(isinstance(resource, RemotePlace) for resource in target.resources)
