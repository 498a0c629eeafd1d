"""A serial line as a person at a terminal has it: text that comes is waited for, text is typed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hil.deadline import Deadline
from hil.errors import ConsoleTimeout, ExpectTimeout, InfrastructureError, UsageError
from hil.target.console.text import TextDecoder

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.console import ByteStream
    from hil.errors import HilError

SECONDS = 10.0
"""How long is waited for text when nobody says otherwise."""
UNREAD_CHARACTERS = 4 * 1024 * 1024
"""How much text that nobody asked for is kept; the transcript has all of it."""


class Console:
    """One serial line. Text is what a terminal would show: without escape sequences, lines end with a newline.

    `read` and `expect` consume what they return, so that the next one begins behind it. `ending` is what the Enter key
    sends; `prompt_pattern` a regular expression for the prompt, if the firmware has one.
    """

    def __init__(
        self,
        stream: ByteStream,
        *,
        ending: str = "\n",
        prompt_pattern: str = "",
        excuse: Callable[[], InfrastructureError | None] = lambda: None,
    ) -> None:
        """`excuse` returns a reason to blame the board or the lab for silence, if there is one."""
        self.stream = stream
        self._ending = ending
        self._prompt = prompt_pattern
        self._excuse = excuse
        self._decoder = TextDecoder()
        self._text = ""

    @property
    def name(self) -> str:
        """The name of the serial line."""
        return self.stream.name

    def write(self, text: str | bytes) -> None:
        """Type `text` as it is, without Enter."""
        self.stream.send(text.encode() if isinstance(text, str) else text)

    def sendline(self, text: str = "") -> None:
        """Type `text` and Enter."""
        self.write(text + self._ending)

    def read(self, timeout: float = 0.0) -> str:
        """Return what has come since the last `read` or `expect`; if nothing has, wait up to `timeout` seconds."""
        self._fill(Deadline.after(0.0))
        if not self._text and timeout > 0:
            self._fill(Deadline.after(timeout))
        text, self._text = self._text, ""
        return text

    def expect(self, pattern: str | re.Pattern[str], timeout: float = SECONDS) -> re.Match[str]:
        """Wait until `pattern`, a regular expression, matches in what has come; return the match.

        `^` and `$` match at each line. Text up to the end of the match is consumed; `match.string[:match.start()]` is
        what came before it. Raises `ExpectTimeout`, with the last lines of the console, and at once what has happened
        to the board: `Panic`, `UnexpectedReboot`, `BoardDied`.
        """
        compiled = re.compile(pattern, re.MULTILINE) if isinstance(pattern, str) else pattern
        deadline = Deadline.after(timeout)
        while True:
            found = compiled.search(self._text)
            if found is not None:
                self._text = self._text[found.end() :]
                return found
            if not self.fill(deadline):
                raise self.late(f"`{compiled.pattern}`", deadline)

    def prompt(self, timeout: float = SECONDS) -> str:
        """Wait for the prompt, and return what came before it. Raises `UsageError` for a console without one."""
        if not self._prompt:
            raise UsageError(
                f"no prompt is known for console `{self.name}`",
                hint="`driver:` at the state in the board file, with a driver that has `prompt`; or `expect`",
            )
        found = self.expect(re.compile(rf"(?:\A|(?<=\n)|(?<=\r)){self._prompt}\Z"), timeout)
        return found.string[: found.start()]

    def peek(self) -> str:
        """Return what has come and was not consumed, and what is there of a line end. Consumes nothing."""
        return self._text

    def drop(self, characters: int | None = None) -> None:
        """Consume so many characters of what has come, or all of it."""
        if characters is None:
            while self._fill(Deadline.after(0.0)):
                pass
        self._text = "" if characters is None else self._text[characters:]

    def fill(self, deadline: Deadline) -> bool:
        """Wait for more text; return whether some came before the deadline. Raises what has happened to the board."""
        return self._fill(deadline)

    def late(self, what: str, deadline: Deadline) -> HilError:
        """Return the error for something that did not come in time; of the board or the lab if one of them failed."""
        why = f"{what} did not come on console `{self.name}` within {deadline}"
        if fault := self.fault():
            return type(fault)(f"{why}; but {fault.message}", console=self.stream.tail(), hint=fault.context.hint)
        return ExpectTimeout(why, console=self.stream.tail())

    def fault(self) -> InfrastructureError | None:
        """Return a reason why silence says nothing about the firmware, if one is known."""
        silence = self.stream.silence()
        return silence if isinstance(silence, InfrastructureError) else self._excuse()

    def _fill(self, deadline: Deadline) -> bool:
        try:
            data = self.stream.receive(deadline)
        except ConsoleTimeout:
            return False
        self._text = (self._text + self._decoder.decode(data))[-UNREAD_CHARACTERS:]
        return True
