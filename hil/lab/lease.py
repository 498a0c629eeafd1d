"""A lease as the keeper sees it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

OWNER_PREFIX = "hil-"
"""The beginning of the user name in owners that are leases. Places of all other owners are not the keeper's to free."""


@dataclass(eq=False, slots=True)
class Lease:
    """A runner's lease of a place, from its request on. `owner` is its name at the coordinator.

    Each lease has an owner of its own, so releasing a place "if this owner holds it" can never hit a later lease.
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
        """Set what the runner waits for."""
        if what != self.waiting_for:
            self.waiting_for = what
            self.changed.set()

    def lose(self, reason: str) -> None:
        """Mark the lease as lost; the first reason stays."""
        self.lost = self.lost or reason
        self.changed.set()


def is_ours(owner: str | None) -> bool:
    """Whether the owner of a place is a lease, and not a user of labgrid's own client."""
    return owner is not None and owner.partition("/")[2].startswith(OWNER_PREFIX)
