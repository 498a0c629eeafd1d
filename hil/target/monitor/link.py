"""Carries requests to the monitor over an unreliable line. Each request is executed at most once.

A serial line may lose, change or insert bytes. A request without an undamaged answer is sent again with the same
sequence number; the monitor does not execute a repeated number again, but repeats its answer.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from hil.account import MonitorRequest, telling, untold
from hil.errors import ConsoleTimeout, FirmwareError, Panic, UnexpectedReboot, UsageError
from hil.target.monitor import abi, frame

if TYPE_CHECKING:
    from hil.console import ByteStream
    from hil.deadline import Deadline
    from hil.errors import HilError

BANNER = b"monitor: ready"
PANIC = b"monitor: PANIC"

# Seconds until a request is sent again, doubled each time up to the longest: while the monitor executes a request, it
# reads nothing, and more repetitions do not help.
RETRY_SECONDS = 1.0
_LONGEST_RETRY_SECONDS = 8.0
# Shorter, because a monitor that is still booting has lost the request, and its answer should not be late.
_BOOT_RETRY_SECONDS = 0.1
# Longer than every answer: what has no line end by then is noise.
_LONGEST_LINE = 0x20000
# How many requests reported as damaged are repeated at once; later ones wait, so that a noisy line is not flooded.
_MOST_DAMAGED = 50
_TAIL, _TAIL_SEARCHED = 20, 200
"""How many lines of the console an error quotes, and in how many they are looked for."""


class MonitorRefused(UsageError):
    """The monitor refused a request: no such agent, no space, busy. `reason` is the first word of its answer."""

    def __init__(self, request: str, text: str, peer: str = "the monitor") -> None:
        super().__init__(f"{peer} refused `{request}`: {text}")
        self.reason = text.partition(":")[0]


class Link:
    """A connection to the monitor, or to another hypervisor (`peer`) with the same protocol."""

    def __init__(self, stream: ByteStream, peer: str = "the monitor") -> None:
        self.stream = stream
        self._peer = peer
        # Random, because the monitor remembers the last number of an earlier connection and would repeat that answer.
        self._sequence = secrets.randbits(28) + 1
        self._pending = b""
        self._heard_banner = False
        self._ever_answered = False

    def greet(self, deadline: Deadline) -> None:
        """Wait until the other side answers, after a boot or after a fork from a snapshot.

        Raises `ConsoleTimeout`, and `UsageError` if the firmware has another version of the protocol than this package.
        """
        with untold():
            version = self.ask("ping", deadline, retry_seconds=_BOOT_RETRY_SECONDS, after_boot=True)
        if version != f"{abi.AGENT_ABI_VERSION:x}":
            raise UsageError(
                f"the ABI version of {self._peer} is {version or 'unknown'}, this package has "
                f"{abi.AGENT_ABI_VERSION:x}",
                doing=f"connecting to {self._peer}",
                hint="build and flash the firmware of this checkout",
            )

    def ask(
        self, text: str, deadline: Deadline, *, retry_seconds: float = RETRY_SECONDS, after_boot: bool = False
    ) -> str:
        """Send the request `text` and return the answer, without its `ok`.

        Raises `MonitorRefused`; `ConsoleTimeout` if no undamaged answer comes in time; `Panic` as soon as the monitor
        reports one; `UnexpectedReboot` if its banner comes and the request is lost. The banner alone is no sign of a
        reboot, since a console may be printed twice; with `after_boot`, a lost request is none either.
        """
        self._sequence += 1
        line = frame.request(self._sequence, text)
        with telling(MonitorRequest(text)) as told:
            verdict, _, rest = self._exchange(line, deadline, retry_seconds, after_boot).partition(" ")
            if verdict != "ok":
                raise MonitorRefused(_shortened(text), rest, self._peer)
            told.answer = rest
        return rest

    def _exchange(self, line: bytes, deadline: Deadline, retry_seconds: float, after_boot: bool) -> str:
        damaged = 0
        self._heard_banner = False
        while True:
            self.stream.send(line)
            retry = deadline.at_most(retry_seconds)
            retry_seconds = min(2 * retry_seconds, _LONGEST_RETRY_SECONDS)
            while not retry.expired:
                answered = self._receive(retry)
                if self._sequence in answered:
                    self._ever_answered = True
                    return answered[self._sequence]
                if frame.NOBODY in answered and damaged < _MOST_DAMAGED:
                    damaged += 1
                    break
            if self._heard_banner and retry.expired and not after_boot:
                # Sent again, the request would be executed by a monitor that has lost all that the test has set up.
                raise UnexpectedReboot(
                    f"{self._peer} started again: it printed its banner, and has lost a request",
                    doing="waiting for its answer",
                    console=self._tail(),
                )
            if deadline.expired:
                raise self._silence(line, deadline, damaged)

    def _silence(self, line: bytes, deadline: Deadline, damaged: int) -> HilError:
        # Silence is the firmware's fault only on a line that loses nothing; damaged requests show that this one does.
        doing = f"asking {self._peer}: {_shortened(line.decode('ascii').strip())}"
        known = self.stream.silence()
        if known is not None and not (damaged and isinstance(known, FirmwareError)):
            return known.within(doing=doing)
        hint = "read the console's transcript: silence means a hang, noise means a bad line"
        if not self._ever_answered:
            hint += (
                "; if not one request arrives whole, the board's UART may lose what is sent too fast: "
                "`txchunk` and `txdelay` of the line's UartDriver slow it down"
            )
        return ConsoleTimeout(
            f"no undamaged answer from {self._peer} within {deadline}; it saw {damaged} damaged requests",
            doing=doing,
            console=self._tail(),
            hint=hint,
        )

    def _tail(self) -> tuple[str, ...]:
        """Return the last lines that the board said in words: the account has what was asked and answered."""
        return frame.without_frames(self.stream.tail(_TAIL_SEARCHED), _TAIL)

    def _receive(self, deadline: Deadline) -> dict[int, str]:
        """Return the answers that the next bytes complete, by sequence number."""
        try:
            received = self.stream.receive(deadline)
        except ConsoleTimeout:
            return {}
        self._pending += received
        if b"\n" not in received:
            self._pending = self._pending[-_LONGEST_LINE:]
            return {}
        text = self._pending
        found, self._pending = frame.answers(text)
        if PANIC in text:
            raise Panic("the monitor panicked", doing="waiting for its answer", console=self._tail())
        self._heard_banner = self._heard_banner or BANNER in text
        return found


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."
