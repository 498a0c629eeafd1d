"""A lease as the keeper sees it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

OWNER_PREFIX = "hil-"
"""How the user in the name of an owner begins whose places are the keeper's to free."""


@dataclass(eq=False, slots=True)
class Lease:
    """One runner's right to one place, from the moment it asks. `owner` is what the coordinator knows it as.

    Each lease has an owner of its own: so "release if it is this owner's" can hit no later lease of the same place.
    """

    owner: str
    holder: str
    tags: Mapping[str, str]
    place: str = ""
    granted: bool = False
    waiting_for: str = ""
    lost: str = ""
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def wait_for(self, what: str) -> None:
        """Say what the runner waits for."""
        if what != self.waiting_for:
            self.waiting_for = what
            self.changed.set()

    def lose(self, reason: str) -> None:
        """Say that the lease is over; the first reason stays."""
        self.lost = self.lost or reason
        self.changed.set()


def is_ours(owner: str | None) -> bool:
    """Whether a place's owner is a lease of a keeper, and no person with labgrid's own client."""
    return owner is not None and owner.partition("/")[2].startswith(OWNER_PREFIX)
