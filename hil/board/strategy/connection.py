"""How a board is used in one of its states: by a driver of ours, by one of labgrid, or by none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pexpect import TIMEOUT  # type: ignore[import-untyped]

from hil.board.drivers.protocols import PromptProtocol
from hil.board.strategy.labgridprompt import LabgridPrompt
from hil.errors import BoardFileError, BootHang
from hil.target.console import Console

if TYPE_CHECKING:
    import re

    from labgrid import Target

    from hil.board.file.boot import StatePlan
    from hil.deadline import Deadline

KINDS = {
    "MonitorDriver": "monitor",
    "ParamikoDriver": "ssh",
    "SSHDriver": "ssh",
    "UBootDriver": "uboot",
    "BareboxDriver": "barebox",
    "ShellDriver": "shell",
}
"""What tests call the use of a board by drivers that do not say it themselves: ours, and labgrid's."""


@dataclass(slots=True)
class Connection:
    """The driver of a state. One of labgrid's own is activated when the state is reached: then it finds its prompt."""

    target: Target
    driver: Any = None
    reached: Any = field(default=None)
    """What the driver gave when the board was last connected to."""

    @property
    def ours(self) -> bool:
        """Whether the driver connects when it is told to; those of labgrid do it when they are activated."""
        return hasattr(self.driver, "connect")

    @property
    def kind(self) -> str:
        """How the board is used: `monitor`, `ssh`, `uboot`, and so on; empty without a driver."""
        if self.driver is None:
            return ""
        own = getattr(self.driver, "kind", "")
        return own or next((KINDS[base.__name__] for base in type(self.driver).__mro__ if base.__name__ in KINDS), "")

    @property
    def over_network(self) -> bool:
        """Whether the board is used over its network, and not over a serial line."""
        return hasattr(self.driver, "networkservice")

    @property
    def prompt(self) -> re.Pattern[str] | None:
        """The prompt on the serial line; None without one that is known."""
        return self.driver.pattern if isinstance(self.driver, PromptProtocol) else None

    @property
    def uart(self) -> str:
        """The serial line of the prompt; empty without one."""
        return self.driver.uart if isinstance(self.driver, PromptProtocol) else ""

    def activate(self) -> None:
        """Activate a driver of ours, which touches no board."""
        if self.ours:
            self.target.activate(self.driver)

    def connect(self, deadline: Deadline) -> Any:
        """Connect after a boot. Raises `BootHang` when the board does not get so far, and what the driver raises."""
        if self.driver is None:
            return None
        if self.ours:
            self.reached = self.driver.connect(deadline)
        else:
            self._activate_anew()
            self.reached = self.driver
            if hasattr(self.driver, "console"):
                self.reached = LabgridPrompt(self.driver, Console(self.driver.console.stream))
        return self.reached

    def resume(self, deadline: Deadline) -> Any:
        """Connect to a board that continues from this state."""
        if isinstance(self.driver, PromptProtocol):
            self.reached = self.driver.resume(deadline)
            return self.reached
        if self.driver is not None and not self.ours and hasattr(self.driver, "console"):
            self.target.activate(self.driver.console)
            self.driver.console.sendline("")  # labgrid's driver waits for a prompt, which was printed long ago
        return self.connect(deadline)

    def leave(self, command: str) -> None:
        """Type a command that leads to another state."""
        if isinstance(self.driver, PromptProtocol):
            self.driver.leave(command)
        else:
            self.driver.console.sendline(command)

    def forget(self) -> None:
        """Drop what has come on the console and was not read: the board is about to restart."""
        if isinstance(self.driver, PromptProtocol) and self.reached is not None:
            self.reached.console.drop()

    def disconnect(self) -> None:
        """Let a driver of labgrid know that the board goes off."""
        if self.driver is not None and not self.ours:
            self.target.deactivate(self.driver)

    def _activate_anew(self) -> None:
        self.target.deactivate(self.driver)
        try:
            self.target.activate(self.driver)
        except TIMEOUT as error:
            why = str(error).partition("\n")[0]
            raise BootHang(f"{type(self.driver).__name__} found no prompt: {why}") from error


def connection_of(target: Target, state: str, plan: StatePlan, default: Any) -> Connection:
    """Return the connection of a state. Raises `BoardFileError` if its driver is not there, or is no such driver."""
    if not plan.driver:
        return Connection(target)
    named = [driver for driver in target.drivers if driver.name == plan.driver]
    found = named or [driver for driver in target.drivers if plan.driver in map(_class_name, type(driver).__mro__)]
    if default in found:
        found = [default]
    if not found:
        raise BoardFileError(f"state `{state}` takes a {plan.driver}, and there is none")
    if len(found) > 1:
        raise BoardFileError(f"state `{state}`: several drivers are `{plan.driver}`; give each a `name`, and take that")
    connection = Connection(target, found[0])
    if not (connection.kind or connection.ours):
        raise BoardFileError(f"state `{state}`: {type(found[0]).__name__} is no driver by which a board is used")
    return connection


def _class_name(cls: type[Any]) -> str:
    return cls.__name__
