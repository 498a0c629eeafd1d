"""Gives tests the prompts of labgrid's own drivers as those of ours, with the same errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pexpect import TIMEOUT  # type: ignore[import-untyped]

from hil.account import MachineCommand, telling
from hil.errors import CommandTimeout
from hil.target.console import Answer

if TYPE_CHECKING:
    from hil.target.console import Console

SECONDS = 30.0


class LabgridPrompt:
    """The prompt behind a driver of labgrid, such as its UBootDriver: what `hil.target.console.Prompt` has, by it."""

    def __init__(self, driver: Any, console: Console) -> None:
        self.driver = driver
        self.console = console

    def run(self, command: str, timeout: float = SECONDS, *, check: bool = True) -> Answer:
        """Run a command as labgrid does, and return what it printed, and its status."""
        with telling(MachineCommand(self.console.name, command)) as told:
            try:
                lines, _, status = self.driver.run(command, timeout=timeout)
            except TIMEOUT as error:
                raise CommandTimeout(
                    f"`{command}` gave no prompt within {timeout:g} s", console=self.console.stream.tail()
                ) from error
            answer = Answer(command, "\n".join(lines), status)
            told.stdout, told.status = answer.text.encode(errors="replace"), status
        return answer.check() if check else answer

    def send(self, command: str) -> None:
        """Type a command that does not come back to the prompt."""
        with telling(MachineCommand(self.console.name, command)):
            self.driver.console.sendline(command)
