"""Tells a restart from what a person or a test has typed: a command may print the line by which a boot begins.

Three things can stand on a line with a prompt and look like the first banner of a boot:

- the echo of what was typed: it is known, because it was sent on this line a moment ago;
- the output of a command, such as `version` of U-Boot: it is followed by the prompt. So a banner that comes after a
  command was typed, and before the prompt is back, is only suspect. It was a restart if a later banner of the boot
  follows before the prompt does;
- a restart: nobody has typed a command, or the boot goes on after it.

Prompt drivers know more: they set a variable that a restart loses, and decide by it (`RestartJudge`).
"""

from __future__ import annotations

import re
import time
from collections import deque
from typing import TYPE_CHECKING

from hil.board.strategy.scanner import LinePattern
from hil.consoletext import clean

if TYPE_CHECKING:
    from collections.abc import Callable

ECHO_SECONDS = 5.0
"""How long after it was typed a line may still be echoed."""
TYPED_LINES = 32
_ENTER = re.compile(rb"[\r\n]+")


class RestartJudge:
    """Decides, while a command runs at a prompt, whether a first banner was a restart."""

    def __init__(self, restarted: Callable[[], None]) -> None:
        self.suspicious = False
        self._restarted = restarted

    def restarted(self) -> None:
        """Note that it was a restart: every use of the board fails from now on."""
        self._restarted()


class TypedLine:
    """What was typed on one serial line, and whether its prompt has come back since."""

    def __init__(self) -> None:
        self.prompt: re.Pattern[str] | None = None
        """The prompt of the line, if it has one now."""
        self.judge: RestartJudge | None = None
        """Who decides, while a command of a driver runs."""
        self.suspect = False
        """Whether a first banner has come since a command was typed."""
        self._waits = False
        self._typed: deque[tuple[float, str]] = deque(maxlen=TYPED_LINES)

    def reset(self) -> None:
        """Forget everything: the board starts anew, and reaches its prompt later."""
        self.prompt = None
        self._typed.clear()
        self.answered()

    def sent(self, data: bytes) -> None:
        """Note what was typed. Called whenever something is sent on the line."""
        now = time.monotonic()
        self._typed.extend((now, text) for piece in _ENTER.split(data) if (text := clean(piece).strip()))
        self._waits = self._waits or _ENTER.search(data) is not None

    def answered(self) -> None:
        """Note that the prompt is back: what came before was output."""
        self._waits = False
        self.suspect = False

    def echoes(self, pattern: re.Pattern[str], text: str) -> bool:
        """Whether a pattern matches in `text`, a line of the board, only because somebody typed this."""
        since = time.monotonic() - ECHO_SECONDS
        for at, typed in list(self._typed):
            found = LinePattern(pattern).search(typed) if at >= since else None
            if found is not None and found.group() in text:
                self._typed.remove((at, typed))
                return True
        return False

    def holds(self, *, first: bool) -> bool:
        """Whether a banner that came again may be the output of a command; the first one of the boot is suspect."""
        if self.prompt is None or not self._waits:
            return False
        if first:
            self.suspect = True
            if self.judge is not None:
                self.judge.suspicious = True
        return True

    @property
    def judged(self) -> bool:
        """Whether a driver decides what the output of its command means."""
        return self.judge is not None and self.prompt is not None and self._waits
