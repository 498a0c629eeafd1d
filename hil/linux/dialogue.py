"""Requests to a guest's command loop, over a console that the kernel and other programs of the guest write on as well.

The frames are those of the monitor's line: foreign text does not hide an answer, and damages at most those it falls
into. A damaged answer is never decoded; it is asked for again.
"""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Protocol

from hil.deadline import Deadline
from hil.errors import ConsoleTimeout
from hil.target.monitor import frame

if TYPE_CHECKING:
    from collections.abc import Callable

LATENCY_SECONDS = 2.0
LONGEST_LATENCY_SECONDS = 16.0
"""How much longer than the guest was told to take an answer may be on its way, before it counts as lost. The time
doubles with each answer that does not come, because an answer that is only late is no answer to the next request."""
_LONGEST_LINE = 0x20000
"""Longer than every answer: what has no line end by then is foreign."""
_MOST_REPEATED = 50
"""How many times in a row a client asks again at once after damage. Then it waits, so as not to flood the console."""
_END_OF_AN_ANSWER = re.compile(rb"\*[0-9a-f]{8}\r?\n")


class ConsoleLine(Protocol):
    """The stream that carries a guest's console."""

    def send(self, data: bytes) -> None:
        """Write all of `data`."""

    def receive(self, deadline: Deadline) -> bytes:
        """Return at least one byte. Raises `ConsoleTimeout`, and `ConsoleClosed` at the end of the stream."""

    def tail(self, lines: int = 20) -> tuple[str, ...]:
        """Return the last lines of the guest's kernel."""


class Dialogue:
    """The requests of one client, one after the other."""

    def __init__(self, line: ConsoleLine) -> None:
        self._line = line
        # Random, because answers to an earlier user of the console must not match.
        self._sequence = secrets.randbits(28) + 1
        self._pending = b""
        self._latency = LATENCY_SECONDS
        self._repeated = 0
        self.damaged = 0
        """How many answers and requests were seen to be damaged. Whoever asks resets it."""

    def next_number(self) -> int:
        """Return a number that no request had before."""
        self._sequence += 1
        return self._sequence

    def wait_for(self, text: bytes, deadline: Deadline) -> None:
        """Wait for a text of the guest that is no answer. Raises `ConsoleTimeout`."""
        while text not in self._pending:
            self._pending = self._pending[-_LONGEST_LINE:] + self._line.receive(deadline)
        self._pending = self._pending.partition(text)[2]

    def ask(self, text: str, seconds: float = 0.0) -> str | None:
        """Send a request once, and return the answer, which the guest may delay for so many seconds.

        Returns None when the answer is damaged, or does not come. Then ask again: a request with another number is
        another one, so this is for requests that may be executed twice.
        """
        number = self.next_number()
        deadline = Deadline.after(seconds + self._latency)
        try:
            self._line.send(frame.request(number, text))
            while True:
                found, torn = self._received(number, deadline)
                if number in found:
                    self._latency, self._repeated = LATENCY_SECONDS, 0
                    return found[number]
                if torn or frame.NOBODY in found:
                    self.damaged += 1
                    self._repeated += 1
                    if self._repeated <= _MOST_REPEATED:
                        return None
        except ConsoleTimeout:
            self._latency = min(2 * self._latency, LONGEST_LATENCY_SECONDS)
            return None

    def ask_until(self, deadline: Deadline, text: Callable[[], str]) -> str | None:
        """Ask until there is an answer, and return it; None at the deadline."""
        while True:
            answer = self.ask(text())
            if answer is not None or deadline.expired:
                return answer

    def _received(self, number: int, deadline: Deadline) -> tuple[dict[int, str], bool]:
        """Return the answers that the next bytes complete, and whether there is a trace of a damaged one."""
        if deadline.expired:
            raise ConsoleTimeout(f"no answer within {deadline}")
        text = self._pending + self._line.receive(deadline)
        found, rest = frame.answers(text)
        self._pending = rest[-_LONGEST_LINE:]
        lines = text[: len(text) - len(rest)]
        torn = b"=%x " % number in lines or (not found and _END_OF_AN_ANSWER.search(lines) is not None)
        return found, torn
