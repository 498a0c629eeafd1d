"""The interfaces of boards and flashers, by which labgrid binds their drivers."""

from __future__ import annotations

import abc
from contextlib import nullcontext
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from hil.board.drivers.alarm import Alarm
    from hil.board.drivers.start import Start
    from hil.board.flash import FlashPlan, FlashResult, Meter
    from hil.console import ByteStream
    from hil.deadline import Deadline
    from hil.errors import HilError, InfrastructureError
    from hil.record.transcript import Transcript, TranscriptSink
    from hil.target.console import Judge, Prompt


class BoardProtocol(abc.ABC):
    """A board with serial lines, a power switch, and images to be flashed."""

    uarts: Sequence[str]
    """Names of the serial lines."""
    sink: TranscriptSink
    """Where transcripts go; set it before the driver is activated."""
    transcripts: Mapping[str, Transcript]
    """The transcript of each line, by name. They are new whenever the driver is activated."""
    on_start: Callable[[Start], None]
    """Called right before the board begins to run."""

    @property
    @abc.abstractmethod
    def board(self) -> str:
        """The board's name: that of its file."""

    @property
    @abc.abstractmethod
    def dead(self) -> bool:
        """Whether the board is off, or its alarm has rung."""

    @property
    @abc.abstractmethod
    def alarm(self) -> Alarm:
        """The alarm of the current power cycle. Raises `ConsoleClosed` if the board is off."""

    @abc.abstractmethod
    def ring(self, make_error: Callable[[], HilError]) -> None:
        """Make every use of the board fail from now on, until it is switched off."""

    @abc.abstractmethod
    def uart(self, name: str) -> ByteStream:
        """Return a serial line of the running board, for use until the next power cycle."""

    @property
    @abc.abstractmethod
    def flashed(self) -> bool:
        """Whether this process has flashed the images, or verified that the board has them."""

    @abc.abstractmethod
    def flash_plan(self) -> FlashPlan:
        """Return what `flash_images` would do."""

    @abc.abstractmethod
    def flash_images(self, *, force: bool = False, meter: Meter | None = None) -> FlashResult:
        """Flash the board, which must be off, and verify the result. Raises `FlashError`."""

    @abc.abstractmethod
    def on(self) -> None:
        """Switch on: all serial lines are attached before the first instruction."""

    @abc.abstractmethod
    def off(self) -> None:
        """Cut the power."""

    @property
    @abc.abstractmethod
    def forks(self) -> bool:
        """Whether the methods below can save and resume its state; otherwise, a fork is a new boot."""

    @property
    def lossless(self) -> bool:
        """Whether the serial lines carry exactly what the firmware writes: nothing is lost, damaged or added."""
        return False

    def set_speed(self, uart: str, speed: int) -> None:  # noqa: B027 - most lines have no speed
        """Listen to a serial line at `speed` baud from now on; 0 is the speed that its port has in the board file."""

    def missed(self, uart: str) -> str:  # noqa: ARG002 - most boards miss nothing
        """Say what may be missing at the beginning of a serial line, empty if nothing is."""
        return ""

    def excuse(self) -> InfrastructureError | None:
        """Return a reason why a silent board may be silent other than its firmware; None if none is known."""
        return None

    def join_network(self, deadline: Deadline) -> None:  # noqa: B027 - most boards are in it
        """Connect the running board to its network, if it does not do that itself."""

    def keeping_nvram(self) -> AbstractContextManager[None]:
        """Keep what the firmware stores over power cycles inside of a block. Hardware does so anyway."""
        return nullcontext()

    def to_be_saved(self) -> AbstractContextManager[None]:
        """Expect that the board is saved at the end of a block in which it is started."""
        return nullcontext()

    def identity(self) -> str:
        """Return a text that is equal for two machines only if each could resume the other's saved state."""
        raise NotImplementedError

    def save(self, path: Path) -> None:
        """Halt the machine, and write its state to `path`."""
        raise NotImplementedError

    def resume(self, path: Path) -> None:
        """Replace the running machine, if any, by one that continues from the state in `path`."""
        raise NotImplementedError

    def prepare(self, path: Path) -> None:
        """Start loading `path` in the background, for the next `resume`."""
        raise NotImplementedError


class PromptProtocol(abc.ABC):
    """A prompt on a serial line, by which a board is used in one of its states."""

    kind: ClassVar[str]
    """The name of the fixture that gives it to tests, such as `uboot`."""

    @property
    @abc.abstractmethod
    def uart(self) -> str:
        """The name of the serial line."""

    @property
    @abc.abstractmethod
    def pattern(self) -> re.Pattern[str]:
        """The prompt, at the end of what a line says."""

    @abc.abstractmethod
    def judge_with(self, judging: Callable[[], AbstractContextManager[Judge]]) -> None:
        """Leave what looks like a boot, while a command runs, to the judges that `judging` returns."""

    @abc.abstractmethod
    def connect(self, deadline: Deadline) -> Prompt:
        """Wait for the prompt after a boot, and return it; on the way, stop what has to be stopped."""

    @abc.abstractmethod
    def resume(self, deadline: Deadline) -> Prompt:
        """Return the prompt of a board that continues from a state in which the prompt was there."""

    @abc.abstractmethod
    def leave(self, command: str) -> None:
        """Type a command that leads to another state."""


class FlasherProtocol(abc.ABC):
    """Writes a board's images to its medium."""

    @abc.abstractmethod
    def plan(self) -> FlashPlan:
        """Return what `flash` would do. Changes nothing, and works without the medium."""

    @abc.abstractmethod
    def flash(self, *, force: bool = False, meter: Meter | None = None) -> FlashResult:
        """Flash the board, which must be off, unless it is known to have the images. Raises `FlashError`."""

    @abc.abstractmethod
    def check(self) -> None:
        """Raise `BoardDirty` unless the last flash succeeded."""
