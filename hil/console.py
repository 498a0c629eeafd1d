"""What every console looks like to the layers above the drivers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from hil.deadline import Deadline
    from hil.errors import HilError


class ByteStream(Protocol):
    """The raw bytes of one serial line, in both directions."""

    @property
    def name(self) -> str:
        """Name of the line in transcripts, such as `monitor` or `firmware`."""

    def send(self, data: bytes) -> None:
        """Write all of `data`. Raises `BoardDied` or `ConsoleClosed` when the other side is gone."""

    def receive(self, deadline: Deadline) -> bytes:
        """Return at least one byte, as soon as there is any.

        Raises `ConsoleTimeout` at the deadline, and `BoardDied` or `ConsoleClosed` at once when the other side is gone.
        """

    def tail(self, lines: int = 20) -> tuple[str, ...]:
        """Return the last lines seen, for error messages."""

    def silence(self) -> HilError | None:
        """Return whose fault it is that an answer did not come, if the driver can tell; None: perhaps the line's."""
