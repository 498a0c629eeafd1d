"""Asking the monitor over a line that may lose, change and insert bytes: each request is executed at most once."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from hil.errors import ConsoleTimeout, Panic, UnexpectedReboot, UsageError
from hil.target.monitor import abi, frame

if TYPE_CHECKING:
    from hil.console import ByteStream
    from hil.deadline import Deadline
    from hil.errors import HilError

BANNER = b"monitor: ready"
PANIC = b"monitor: PANIC"

# Seconds after which a request is sent again, doubled each time. The monitor answers a repeated request from memory,
# so that repeating is harmless; while it is executing one, it reads nothing.
PATIENCE = 1.0
# The same between two attempts to reach somebody who may still be booting.
_BOOT_PATIENCE = 0.1
_LONGEST_PATIENCE = 8.0
# A line without end is noise.
_LONGEST_LINE = 0x20000
# Damaged requests that are sent again at once; after that only when patience is over.
_MOST_DAMAGED = 50


class MonitorRefused(UsageError):
    """The monitor cannot do what it was asked: no such agent, no space, busy. `reason` is its own word for it."""

    def __init__(self, request: str, text: str, peer: str = "the monitor") -> None:
        super().__init__(f"{peer} refused `{request}`: {text}")
        self.reason = text.partition(":")[0]


class Link:
    """One conversation with the monitor, or with another hypervisor (`peer`) that speaks as it does."""

    def __init__(self, stream: ByteStream, peer: str = "the monitor") -> None:
        self.stream = stream
        self._peer = peer
        # Any number that an earlier conversation with the same monitor has not just used.
        self._sequence = secrets.randbits(28) + 1
        self._pending = b""

    def greet(self, deadline: Deadline) -> None:
        """Return once the other side answers: after a boot, and after a fork from a snapshot.

        Raises `ConsoleTimeout`, and `UsageError` for a firmware that was built from other sources than this package.
        """
        version = self.ask("ping", deadline, patience=_BOOT_PATIENCE, after_boot=True)
        if version != f"{abi.AGENT_ABI_VERSION:x}":
            raise UsageError(
                f"the ABI version of {self._peer} is {version or 'unknown'}, this package has "
                f"{abi.AGENT_ABI_VERSION:x}",
                doing=f"connecting to {self._peer}",
                hint="build and flash the firmware of this checkout",
            )

    def ask(self, text: str, deadline: Deadline, *, patience: float = PATIENCE, after_boot: bool = False) -> str:
        """Return what the monitor answers to `text`, without its `ok`.

        Raises `MonitorRefused`; `ConsoleTimeout` when no undamaged answer came in time; `Panic` and
        `UnexpectedReboot` at once when the monitor says so. With `after_boot`, its banner is expected.
        """
        self._sequence += 1
        line = frame.request(self._sequence, text)
        verdict, _, rest = self._exchange(line, deadline, patience, after_boot).partition(" ")
        if verdict == "ok":
            return rest
        raise MonitorRefused(_shortened(text), rest, self._peer)

    def _exchange(self, line: bytes, deadline: Deadline, patience: float, after_boot: bool) -> str:
        damaged = 0
        while True:
            self.stream.send(line)
            retry = deadline.at_most(patience)
            patience = min(2 * patience, _LONGEST_PATIENCE)
            while not retry.expired:
                answered = self._receive(retry, after_boot)
                if self._sequence in answered:
                    return answered[self._sequence]
                if frame.NOBODY in answered and damaged < _MOST_DAMAGED:
                    damaged += 1
                    break
            if deadline.expired:
                raise self._silence(line, deadline, damaged)

    def _silence(self, line: bytes, deadline: Deadline, damaged: int) -> HilError:
        doing = f"asking {self._peer}: {_shortened(line.decode('ascii').strip())}"
        known = None if damaged else self.stream.silence()
        if known is not None:
            return known.within(doing=doing)
        return ConsoleTimeout(
            f"no undamaged answer from {self._peer} within {deadline}; it saw {damaged} damaged requests",
            doing=doing,
            console=self.stream.tail(),
            hint="look at the console's transcript: silence means a hang, noise means a bad line",
        )

    def _receive(self, deadline: Deadline, after_boot: bool) -> dict[int, str]:
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
            raise Panic("the monitor panicked", doing="waiting for its answer", console=self.stream.tail())
        if BANNER in text and not after_boot:
            raise UnexpectedReboot(
                "the monitor started again", doing="waiting for its answer", console=self.stream.tail()
            )
        return found


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."
