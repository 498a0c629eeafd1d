"""What a board and its flasher must be able to do, whatever they are; labgrid binds drivers by these."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from hil.board.drivers.alarm import Alarm
    from hil.board.drivers.start import Start
    from hil.board.flash import FlashPlan, FlashResult, Meter
    from hil.console import ByteStream
    from hil.deadline import Deadline
    from hil.errors import HilError, InfrastructureError
    from hil.record.transcript import Transcript, TranscriptSink


class BoardProtocol(abc.ABC):
    """A board with serial lines, a power switch, and images that are flashed."""

    uarts: Sequence[str]
    """Names of the serial lines."""
    sink: TranscriptSink
    """Where transcripts go; set it before the driver is activated."""
    transcripts: Mapping[str, Transcript]
    """What each line said, by name; new when the driver is activated anew."""
    on_start: Callable[[Start], None]
    """Called right before the board begins to run."""

    @property
    @abc.abstractmethod
    def board(self) -> str:
        """The board's name: that of its file."""

    @property
    @abc.abstractmethod
    def dead(self) -> bool:
        """Whether the board is off, or something ended it."""

    @property
    @abc.abstractmethod
    def alarm(self) -> Alarm:
        """What ends every wait on this power cycle of the board. Raises `ConsoleClosed` when it is off."""

    @abc.abstractmethod
    def ring(self, make_error: Callable[[], HilError]) -> None:
        """Make every use of the board fail from now on, until it is switched off."""

    @abc.abstractmethod
    def uart(self, name: str) -> ByteStream:
        """Return a serial line of the running board; it ends with the next power cycle."""

    @property
    @abc.abstractmethod
    def flashed(self) -> bool:
        """Whether the images were brought to the board by this process, or found there, verified."""

    @abc.abstractmethod
    def flash_plan(self) -> FlashPlan:
        """Return what `flash_images` would do."""

    @abc.abstractmethod
    def flash_images(self, *, force: bool = False, meter: Meter | None = None) -> FlashResult:
        """Bring the images to the board, which is off, and verify them there. Raises `FlashError`."""

    @abc.abstractmethod
    def on(self) -> None:
        """Switch on: all serial lines are attached before the first instruction."""

    @abc.abstractmethod
    def off(self) -> None:
        """Cut the power."""

    @property
    @abc.abstractmethod
    def forks(self) -> bool:
        """Whether its state can be saved and resumed, by the methods below; else a fork is a new boot."""

    def excuse(self) -> InfrastructureError | None:
        """Return what other than its firmware may have kept the board from speaking since it began to run."""
        return None

    def join_network(self, deadline: Deadline) -> None:  # noqa: B027 - most boards are in it
        """Be in the network when this returns, if the board does not get there on its own; its system runs."""

    def identity(self) -> str:
        """Return a text that differs whenever the saved state of one machine would not suit another."""
        raise NotImplementedError

    def save(self, path: Path) -> None:
        """Halt the machine and write its state to `path`."""
        raise NotImplementedError

    def resume(self, path: Path) -> None:
        """Replace the running machine, if any, by one that continues from the state in `path`."""
        raise NotImplementedError

    def prepare(self, path: Path) -> None:
        """Start loading `path` in the background, for the next `resume`."""
        raise NotImplementedError


class FlasherProtocol(abc.ABC):
    """Brings a board's images to its medium."""

    @abc.abstractmethod
    def plan(self) -> FlashPlan:
        """Return what `flash` would do. Nothing is touched, and the medium need not be there."""

    @abc.abstractmethod
    def flash(self, *, force: bool = False, meter: Meter | None = None) -> FlashResult:
        """Flash the board, which is off, unless it is known to hold the images already. Raises `FlashError`."""

    @abc.abstractmethod
    def check(self) -> None:
        """Raise `BoardDirty` unless the board was last flashed well."""
