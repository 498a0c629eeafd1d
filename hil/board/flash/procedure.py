"""A flash from its first byte to its verification: what every medium has in common."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from hil.errors import FlashError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from hil.board.flash.payload import Payload
    from hil.board.flash.state import FlashMemory, FlashState


class Work(StrEnum):
    """What a flash does with bytes."""

    WRITING = "writing"
    VERIFYING = "reading back"


class Meter(Protocol):
    """Told how far a flash has come."""

    def __call__(self, work: Work, done: int, total: int, /) -> None:
        """`done` of `total` bytes."""


class Medium(Protocol):
    """Where a payload goes."""

    @property
    def name(self) -> str:
        """What the board file names it by, in words; another name means another medium."""

    def attached(self) -> AbstractContextManager[None]:
        """Have the medium at this machine inside the block, and leave it to the board when that ends well.

        Raises `MediumMissing`. When the block fails, the board does not get the medium.
        """

    def check(self, payload: Payload) -> None:
        """Raise unless the payload may be written to it: it is the right one, unused, and large enough."""

    def write(self, payload: Payload, meter: Meter) -> None:
        """Write everything, and return when it is on the medium. Raises `FlashError`."""

    def verify(self, payload: Payload, meter: Meter) -> None:
        """Read everything back, past every cache. Raises `FlashError` when it is not what was written."""


@dataclass(frozen=True, slots=True)
class FlashPlan:
    """What a flash would do: which payload goes to which medium, what happens around it, and what is known.

    `found` says what is there now, in words; `contents` what files an image holds; `missing` what is not
    there to be written, and why, by its destination.
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
    """What a flash did; nothing was written when the medium was known to hold the payload already."""

    payload: Payload
    medium: str
    written: bool


def silent(work: Work, done: int, total: int) -> None:
    """Be a meter that shows nothing."""


def flash(
    payload: Payload, medium: Medium, memory: FlashMemory, *, force: bool = False, meter: Meter = silent
) -> FlashResult:
    """Bring `payload` to `medium`, verified; not again when it is known to be there, unless `force`.

    The board is marked dirty before the first byte and clean after the last was read back, so that whatever ends this
    in between, be it SIGKILL or a power cut, leaves it dirty. Raises what `Medium` raises.
    """
    with memory.exclusive():
        state = memory.read()
        if not force and state is not None and state.holds(payload, medium.name):
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
