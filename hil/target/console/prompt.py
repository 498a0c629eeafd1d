"""Commands at a prompt: types them, and tells their output from everything else that is on the line.

What stands on the console proves little: `version` at a U-Boot prints the same line as its start, and the echo of what
was typed looks like anything. So a variable is set at the prompt, and asked for together with the status of every
command. It is gone only if the firmware has started again.
"""

from __future__ import annotations

import contextlib
import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from hil.account import MachineCommand, telling
from hil.deadline import Deadline
from hil.errors import BootHang, CommandFailed, CommandTimeout, ConsoleTimeout, InfrastructureError
from hil.target.console.dialects import PLAIN

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.errors import HilError
    from hil.target.console.console import Console
    from hil.target.console.dialects import Dialect

SECONDS = 30.0
"""How long a command may take when nobody says otherwise."""
QUIET_SECONDS = 1.0
"""After so long a silence, a prompt counts that other output has followed, such as a message of the kernel."""
TAIL_CHARACTERS = 512
"""How much of the end of the text is searched for the prompt."""
_QUOTED_LINES = 20


class Judge(Protocol):
    """Decides what a line means that looks like the beginning of a boot, and came while a command ran."""

    @property
    def suspicious(self) -> bool:
        """Whether there was such a line."""

    def restarted(self) -> None:
        """Note that it was a restart."""


class _NoJudge:
    suspicious = False

    def restarted(self) -> None:
        """Nobody asks."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command printed, and its status; None at a prompt that has no statuses."""

    command: str
    text: str
    status: int | None

    @property
    def lines(self) -> list[str]:
        """The lines of the text."""
        return self.text.splitlines()

    def check(self) -> Answer:
        """Raise `CommandFailed` if the status is not 0; return the answer."""
        if self.status:
            raise CommandFailed(
                f"`{self.command}` ended with status {self.status}", console=tuple(self.lines[-_QUOTED_LINES:])
            )
        return self


class Prompt:
    """A prompt on a console. `pattern` is a regular expression for it, without what stands before it on the line."""

    def __init__(
        self,
        console: Console,
        pattern: str,
        dialect: Dialect = PLAIN,
        *,
        judging: Callable[[], contextlib.AbstractContextManager[Judge]] = lambda: contextlib.nullcontext(_NoJudge()),
    ) -> None:
        """`judging` begins a command: until its end, what looks like a boot is left to the judge that it returns."""
        self.console = console
        self._at_end = re.compile(rf"(?:\A|[\r\n])[ \t]*(?:{pattern})[ \t]*\Z")
        self._anywhere = re.compile(rf"(?:\A|[\r\n])[ \t]*(?:{pattern})")
        self._pattern = pattern
        self._dialect = dialect
        self._judging = judging
        self._token = ""

    def __repr__(self) -> str:
        return f"<prompt `{self._pattern}` on console `{self.console.name}`>"

    def wait(self, deadline: Deadline, interrupts: tuple[tuple[re.Pattern[str], str], ...] = ()) -> None:
        """Wait for the prompt after a boot. `interrupts` are texts at which something has to be typed on the way.

        Raises `BootHang` at the deadline.
        """
        while not self._prompt_is_at_end():
            text = self.console.peek()
            reached = [(found.end(), keys) for pattern, keys in interrupts if (found := pattern.search(text))]
            if reached:
                end, keys = min(reached)
                self.console.drop(end)
                self.console.write(keys)
            elif not self.console.fill(deadline):
                late = self.console.late(f"the prompt `{self._pattern}`", deadline)
                if isinstance(late, InfrastructureError):
                    raise late
                raise BootHang(late.message, console=late.context.console)
        self.console.drop(len(self.console.peek()))
        self.hello(deadline)

    def hello(self, deadline: Deadline) -> None:
        """Make sure that the prompt answers, and set the variable by which a restart shows."""
        if not self._dialect.answered:
            return
        self._token = secrets.token_hex(4)
        command = self._dialect.remember.format(token=self._token)
        self._type(command, deadline)
        self._answered(command, deadline)

    def run(self, command: str, timeout: float = SECONDS, *, check: bool = True) -> Answer:
        """Type a command, wait for the prompt, and return what it printed, and its status.

        Raises `CommandFailed` for a status other than 0 if `check`; `CommandTimeout` when no prompt comes in time;
        `UnexpectedReboot` when the firmware has started again instead; and at once what happens to the board.
        """
        with telling(MachineCommand(self.console.name, command)) as told:
            answer = self._run(command, Deadline.after(timeout))
            told.stdout, told.status = answer.text.encode(errors="replace"), answer.status
        return answer.check() if check else answer

    def _run(self, command: str, deadline: Deadline) -> Answer:
        with self._judging() as judge:
            try:
                self._type(command, deadline)
                text, status, token = self._answered(command, deadline)
            except CommandTimeout:
                if judge.suspicious:
                    self._restarted(judge)
                raise
            if self._dialect.answered and token != self._token:
                if judge.suspicious:
                    self._restarted(judge)
                self.hello(deadline)
        return Answer(command, text, status)

    def send(self, command: str) -> None:
        """Type a command that does not come back to the prompt, such as one that boots."""
        with telling(MachineCommand(self.console.name, command)):
            self.console.drop()
            self.console.sendline(command)

    def _restarted(self, judge: Judge) -> None:
        judge.restarted()
        self.console.fill(Deadline.after(QUIET_SECONDS))  # raises what the judge has made of it

    def _type(self, command: str, deadline: Deadline) -> None:
        """Type a command, and wait for what looks like the next prompt."""
        self.console.drop()
        self.console.sendline(command)
        while not self._prompt_is_at_end():
            if not self.console.fill(deadline.at_most(QUIET_SECONDS)):
                if self._prompt_came():
                    break
                if deadline.expired:
                    raise self._late(command, deadline)

    def _answered(self, command: str, deadline: Deadline) -> tuple[str, int | None, str]:
        """Ask for the status of a command, and for the variable; return what the command printed, and both.

        What looked like the prompt may have been output: the prompt is the last one before the question is echoed.
        """
        if not self._dialect.answered:
            return self._printed(command, self.console.peek()), None, ""
        mark = f"hil{secrets.token_hex(3)}"
        question = self._dialect.answered.format(mark=mark)
        answered = re.compile(rf"{mark} (\S+) (\S*) ?\.\s")
        self.console.sendline(question)
        while True:
            text = self.console.peek()
            found = next((found for found in answered.finditer(text) if found[1].removeprefix("0x").isalnum()), None)
            if found and (self._anywhere.search(text, found.end() - 1)):
                self.console.drop(len(text))
                printed = text[: found.start()]
                return self._printed(command, printed.rpartition(question)[0] or printed), int(found[1], 0), found[2]
            if not self.console.fill(deadline):
                raise self._late(command, deadline)

    def _printed(self, command: str, text: str) -> str:
        """Return what a command printed: what stands between its echo and the last prompt."""
        prompts = [found.start() for found in self._anywhere.finditer(text)]
        return _without_echo(text[: prompts[-1]] if prompts else text, command)

    def _prompt_is_at_end(self) -> bool:
        return self._at_end.search(self.console.peek()[-TAIL_CHARACTERS:]) is not None

    def _prompt_came(self) -> bool:
        """Whether the prompt stands anywhere in what came: a message may have followed it."""
        return bool(self._dialect.answered) and self._anywhere.search(self.console.peek()) is not None

    def _late(self, command: str, deadline: Deadline) -> HilError:
        console, said = self.console, self.console.peek()
        why = f"`{command}` gave no prompt `{self._pattern}` within {deadline}"
        if fault := console.fault():
            return type(fault)(f"{why}; but {fault.message}", console=console.stream.tail(), hint=fault.context.hint)
        if not said.strip():
            hang = console.stream.silence()
            return hang or ConsoleTimeout(
                f"{why}, nor anything else on console `{console.name}`",
                console=console.stream.tail(),
                hint="was the line connected, and does it take input? the transcript has all that was sent",
            )
        return CommandTimeout(why, console=console.stream.tail(), hint="a longer `timeout`, or `prompt` of the driver")


def _without_echo(text: str, command: str) -> str:
    """Return what a command printed: what is behind its echo."""
    before, echo, after = text.partition(command)
    if echo and not before.strip():
        return after.lstrip("\r").removeprefix("\n")
    return text
