"""Seats: a seat is one board that a run may use, and how it is acquired and released."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hil.deadline import Deadline

LEASED = "HIL_LEASED"
"""Set for a process whose board is leased: if the run dies, the process must not use the board any more."""


class LeaseWatch(Protocol):
    """Reports the loss of a lease. `hil.board.drivers.alarm.Alarm` is one."""

    def fileno(self) -> int:
        """Return a descriptor that is readable once the lease is lost."""

    def check(self) -> None:
        """Raise an `InfrastructureError` with the reason if the lease is lost."""


class Seat(Protocol):
    """One board of a run. Its `acquire` and `release` are called in a thread, one after the other."""

    @property
    def name(self) -> str:
        """The name, unique within the run, of the seat and of the directory with its transcripts."""

    @property
    def board(self) -> str:
        """The board's name in reports. Seats of the same board can run the same tests."""

    @property
    def board_file(self) -> Path:
        """The board file, a labgrid environment."""

    @property
    def emulated(self) -> bool:
        """Whether the board is emulated on this machine's processors, which limits how many run at once."""

    @property
    def hardware(self) -> str:
        """The hardware that other seats may need, too, so that they wait for this one; empty if it is not shared."""

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables for the process that drives the board, such as `LG_PLACE`; read once the seat is acquired."""

    @property
    def lease(self) -> LeaseWatch | None:
        """The watch over the lease of the board, None if the board is not leased; read once the seat is acquired.

        The process that drives the board is killed as soon as the lease is lost.
        """

    def acquire(self, deadline: Deadline) -> None:
        """Acquire the board. Raises an `InfrastructureError` if that fails or is not done by the deadline."""

    def cancel(self) -> None:
        """Make an `acquire` that waits in another thread fail soon: the board is not needed any more."""

    def blame(self, reason: str) -> None:
        """Note that the board failed. `release` passes the reason on to the lab."""

    def release(self) -> None:
        """Release the board, whose process has ended. Also called after the loss of the lease."""


@dataclass(frozen=True, slots=True)
class LocalSeat:
    """A board that needs no lease: an emulator, or hardware at this machine."""

    name: str
    board: str
    board_file: Path
    emulated: bool = True
    hardware: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    lease: None = None

    def acquire(self, deadline: Deadline) -> None:
        """Do nothing."""

    def cancel(self) -> None:
        """Do nothing."""

    def blame(self, reason: str) -> None:
        """Do nothing."""

    def release(self) -> None:
        """Do nothing."""
