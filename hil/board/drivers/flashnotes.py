"""Which notes on what is flashed are those of a target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labgrid.resource.remote import RemotePlace

from hil.board.file.boardfile import board_name
from hil.board.flash import FlashMemory

if TYPE_CHECKING:
    from labgrid import Target

HARDWARE = "hardware"
"""The option of a board file that names the file that describes the same piece of hardware, with other images."""


def flash_memory(target: Target) -> FlashMemory:
    """Return the notes of a board: by the name of its hardware, or in a lab, where many have one, of its place."""
    places = [resource.name for resource in target.resources if isinstance(resource, RemotePlace)]
    name = board_name(target)
    return FlashMemory(places[0] if places else target.env.config.get_option(HARDWARE, name) if target.env else name)


def is_shared(target: Target) -> bool:
    """Whether other machines flash the board, too, so that the notes of this one may be out of date."""
    return any(isinstance(resource, RemotePlace) for resource in target.resources)
