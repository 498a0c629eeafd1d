"""A seat: one board that a run may use for a while, and how to get hold of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hil.deadline import Deadline

LEASED = "HIL_LEASED"
"""In the environment of a process whose board is lent: when the run dies, the board is somebody else's at once."""


class Lease(Protocol):
    """The right to use a board, which somebody may take away. `hil.board.drivers.alarm.Alarm` is one."""

    def fileno(self) -> int:
        """Readable from the moment the right is gone."""

    def check(self) -> None:
        """Raise the `InfrastructureError` that says why it is gone, if it is."""


class Seat(Protocol):
    """One board of a run. Its `acquire` and `release` are called in a thread, one after the other."""

    @property
    def name(self) -> str:
        """Unique within the run; names the directory of its transcripts."""

    @property
    def board(self) -> str:
        """What reports call the board. Seats of the same board are alike: what one can run, the others can, too."""

    @property
    def board_file(self) -> Path:
        """The labgrid environment that describes it."""

    @property
    def emulated(self) -> bool:
        """Whether the board takes this machine's processors, so that only so many can run at once."""

    @property
    def hardware(self) -> str:
        """What other seats may need, too: they wait until this one has ended. Empty if nobody else's."""

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables for the process that drives it, such as `LG_PLACE`; asked for once the seat is acquired."""

    @property
    def lease(self) -> Lease | None:
        """What says that the board must not be touched any more; None when nobody can take it away.

        Asked for once the seat is acquired. The process that drives the board is killed as soon as its lease is gone.
        """

    def acquire(self, deadline: Deadline) -> None:
        """Get hold of the board. Raises an `InfrastructureError` when that fails or takes until the deadline."""

    def cancel(self) -> None:
        """Have an `acquire` that still waits, in another thread, fail soon: the board is not needed any more."""

    def blame(self, reason: str) -> None:
        """Remember that the board failed, for whoever lends it: called before `release`, which passes it on."""

    def release(self) -> None:
        """Let go of the board; the process that drove it has ended. Also called when the lease is gone."""


@dataclass(frozen=True, slots=True)
class LocalSeat:
    """A board that is nobody else's: an emulator, or hardware at this machine."""

    name: str
    board: str
    board_file: Path
    emulated: bool = True
    hardware: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    lease: None = None

    def acquire(self, deadline: Deadline) -> None:
        """Nothing to do."""

    def cancel(self) -> None:
        """Nothing to do."""

    def blame(self, reason: str) -> None:
        """Nothing to do."""

    def release(self) -> None:
        """Nothing to do."""
