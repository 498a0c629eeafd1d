"""New pins for the lock file: what the archives serve now."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hil.firmware.errors import ArchiveError
from hil.firmware.lock import Lock
from hil.firmware.sources import SOURCE_ARCHITECTURE, private_apt
from hil.paths import cache_root

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from hil.firmware.lock import Pin
    from hil.firmware.sources import Archives
    from hil.progress import Progress


@dataclass(frozen=True, slots=True)
class Proposal:
    """A pin as it is, and as it could be."""

    old: Pin
    new: Pin

    @property
    def changes(self) -> bool:
        """Whether there is anything to decide."""
        return self.old != self.new


def propose(
    lock: Lock,
    progress: Progress,
    cache: Path | None = None,
    apt: Callable[[Sequence[Pin], Path], Archives] = private_apt,
) -> tuple[Proposal, ...]:
    """Ask the archives for the newest version of every package in the suite it is pinned in.

    Raises `ArchiveError` when they cannot be reached, or no longer have a package at all.
    """
    proposals: dict[str, Proposal] = {}
    for architecture in dict.fromkeys(pin.architecture or SOURCE_ARCHITECTURE for pin in lock.pins):
        group = [pin for pin in lock.pins if (pin.architecture or SOURCE_ARCHITECTURE) == architecture]
        private = apt(group, cache or cache_root())
        with progress.step(f"Fetching package lists ({', '.join(sorted({pin.suite for pin in group}))})"):
            private.update()
        for pin in group:
            proposals[pin.package] = Proposal(pin, _newest(pin, private))
    return tuple(proposals[pin.package] for pin in lock.pins)


def updated(lock: Lock, proposals: Sequence[Proposal]) -> Lock:
    """Return the lock with the proposals taken."""
    new = {proposal.old.package: proposal.new for proposal in proposals}
    return Lock(tuple(new.get(pin.package, pin) for pin in lock.pins))


def _newest(pin: Pin, apt: Archives) -> Pin:
    for offer in apt.served(pin.package, pin.kind):
        if offer.suite == pin.suite:
            return replace(pin, version=offer.version, files=apt.files(pin.package, offer.version, pin.kind))
    raise ArchiveError(f"{pin.suite} no longer has {pin.package}", hint="pin it in another suite by hand")
