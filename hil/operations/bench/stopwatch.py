"""Times TPM commands in a guest by the guest's own counter (firmware/linux/bench/latency.c)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.deadline import Deadline
from hil.errors import FirmwareError
from hil.target.tpm.commands import Response

if TYPE_CHECKING:
    from hil.linux.commandloop import CommandLoop

PROGRAM = "tpm-latency"
SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Timing:
    """How long each of several equal commands took, in seconds, and the response to the last one."""

    seconds: tuple[float, ...]
    response: Response

    @classmethod
    def parse(cls, output: str) -> Timing:
        """Parse the output of the stopwatch. Raises `FirmwareError` if it is malformed."""
        try:
            frequency, response, *ticks = output.split()
            seconds = tuple(int(count) / int(frequency) for count in ticks)
            return cls(seconds, Response.parse(bytes.fromhex(response)))
        except (ValueError, ZeroDivisionError) as error:
            raise FirmwareError(f"{PROGRAM} answered {output[:100]!r}", doing="timing a TPM command") from error


def time_command(guest: CommandLoop, count: int, command: bytes, after: bytes = b"") -> Timing:
    """Send a command `count` times to the TPM of a guest, each followed by `after` with the handle that came back.

    Raises `CommandFailed` when the TPM refuses it.
    """
    result = guest.run([PROGRAM, str(count), command.hex(), *_hex(after)], deadline=Deadline.after(SECONDS))
    return Timing.parse(result.text)


def repeat_command(guest: CommandLoop, count: int, command: bytes, after: bytes = b"") -> None:
    """Do the same as `time_command` without output, which would add traps of the console to those of the commands."""
    words = " ".join([PROGRAM, str(count), command.hex(), *_hex(after)])
    guest.run(f"{words} >/dev/null", deadline=Deadline.after(SECONDS))


def _hex(after: bytes) -> tuple[str, ...]:
    return (after.hex(),) if after else ()
