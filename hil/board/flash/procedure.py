"""The procedure of flashing, which is the same for all media: check, note, write, verify, note."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from hil.errors import FlashError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from hil.board.flash.payload import Payload
    from hil.board.flash.state import FlashMemory, FlashState


class FlashPhase(StrEnum):
    """The phases of a flash whose progress is shown."""

    WRITING = "writing"
    VERIFYING = "reading back"


class Meter(Protocol):
    """Shows the progress of a flash."""

    def __call__(self, work: FlashPhase, done: int, total: int, /) -> None:
        """Show that `done` of `total` bytes of this phase are done."""


class Medium(Protocol):
    """The medium that a payload is written to."""

    @property
    def name(self) -> str:
        """The medium's name in the board file; another name means another medium."""

    def attached(self) -> AbstractContextManager[None]:
        """Attach the medium to this machine inside the block, and give it to the board if the block succeeds.

        If the block fails, the board does not get the medium. Raises `MediumMissing`.
        """

    def check(self, payload: Payload) -> None:
        """Raise unless the payload may be written: the medium must be the right one, unused, and large enough."""

    def agrees(self, payload: Payload) -> bool:
        """Whether a look at the medium finds the payload: its first bytes, or all of it where that takes no time."""

    def write(self, payload: Payload, meter: Meter) -> None:
        """Write everything, and wait until it is on the medium. Raises `FlashError`."""

    def verify(self, payload: Payload, meter: Meter) -> None:
        """Read everything back, bypassing all caches. Raises `FlashError` if it differs from what was written."""


@dataclass(frozen=True, slots=True)
class FlashPlan:
    """What a flash would do: its payload, medium and steps, and what is known about the medium.

    `found` describes the medium that is there now; `contents` are the files inside an image; `missing` gives, by
    destination, the reasons why files do not exist.
    """

    medium: str
    payload: Payload
    steps: tuple[str, ...]
    state: FlashState | None = None
    found: str = ""
    contents: Payload | None = None
    missing: Mapping[str, str] = field(default_factory=dict)

    @property
    def unchanged(self) -> bool:
        """Whether the medium is known to hold the payload."""
        return not self.missing and self.state is not None and self.state.holds(self.payload, self.medium)


@dataclass(frozen=True, slots=True)
class FlashResult:
    """The result of a flash. Nothing was `written` if the medium was known to hold the payload already."""

    payload: Payload
    medium: str
    written: bool


def silent(work: FlashPhase, done: int, total: int) -> None:
    """A meter that shows nothing."""


def flash(
    payload: Payload, medium: Medium, memory: FlashMemory, *, force: bool = False, meter: Meter = silent
) -> FlashResult:
    """Write `payload` to `medium` and verify it, unless it is known to be there; `force` writes it anyway.

    A note that the payload is there is believed if the firmware says at boot what it is, which the run compares, or if
    the medium agrees: somebody may have changed it since.

    The board is marked as dirty before the first byte is written, and as clean after the last was read back. So
    whatever interrupts this, even SIGKILL or a power cut, leaves it dirty, and it is not booted before it was flashed
    again. Raises the errors of `Medium`.
    """
    with memory.exclusive():
        state = memory.read()
        if not force and state is not None and state.holds(payload, medium.name):
            with nullcontext() if payload.announced else medium.attached():
                if payload.announced or medium.agrees(payload):
                    return FlashResult(payload, medium.name, written=False)
        began = None
        try:
            with medium.attached():
                medium.check(payload)
                began = memory.begin(payload, medium.name)
                medium.write(payload, meter)
                medium.verify(payload, meter)
            memory.finish(began, payload)
        except FlashError as error:
            hint = f"the board is dirty: hil flash --board {memory.board}" if began else ""
            raise error.within(doing=f"flashing {medium.name}", board=memory.board, hint=hint) from None
        return FlashResult(payload, medium.name, written=True)
