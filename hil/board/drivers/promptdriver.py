"""labgrid drivers: prompts on serial lines, at which a board waits for commands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

import attr
from labgrid.driver import Driver
from labgrid.driver.commandmixin import CommandMixin
from labgrid.factory import target_factory
from labgrid.protocol import CommandProtocol
from labgrid.step import step

from hil.board.drivers.protocols import PromptProtocol
from hil.errors import ConsoleClosed
from hil.target.console import PLAIN, POSIX, UBOOT, UEFI, Console, Prompt

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from hil.deadline import Deadline
    from hil.target.console import Dialect, Judge

_TEXT = attr.validators.instance_of(str)
_COMMANDS = attr.validators.deep_iterable(_TEXT, attr.validators.instance_of(list))


def _pattern(_driver: object, attribute: attr.Attribute[str], value: str) -> None:
    try:
        re.compile(value)
    except (re.error, TypeError) as error:
        raise ValueError(f"`{attribute.name}` is no regular expression: {error}") from None


@target_factory.reg_driver
@attr.s(eq=False)
class PromptDriver(CommandMixin, Driver, PromptProtocol, CommandProtocol):  # type: ignore[misc]
    """Any prompt on a serial line: of a shell of Zephyr, a boot loader, or a monitor. Its commands have no status.

    Args:
        prompt: a regular expression for the prompt, which stands at the beginning of a line
        autoboot: a regular expression for a text after which `interrupt` is typed, to get to the prompt
        interrupt: what is typed then
        init_commands: commands that are run as soon as the prompt is there
        ending: what the Enter key sends
    """

    bindings = {"console": "UartDriver"}  # noqa: RUF012 - labgrid's way
    kind: ClassVar[str] = "prompt"
    dialect: ClassVar[Dialect] = PLAIN

    prompt: str = attr.ib(validator=[_TEXT, _pattern])
    autoboot: str = attr.ib(default="", validator=[_TEXT, _pattern])
    interrupt: str = attr.ib(default="\n", validator=_TEXT)
    init_commands: list[str] = attr.ib(factory=list, validator=_COMMANDS)
    ending: str = attr.ib(default="", validator=_TEXT)

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self._reached: Prompt | None = None
        self._judging: Callable[[], AbstractContextManager[Judge]] | None = None

    @property
    def uart(self) -> str:
        """The name of the serial line."""
        return str(self.console.uart or self.console.name)

    @property
    def pattern(self) -> re.Pattern[str]:
        """The prompt, at the end of what a line says."""
        return re.compile(rf"^[ \t]*(?:{self.prompt})[ \t]*$")

    @property
    def reached(self) -> Prompt:
        """The prompt that `connect` returned last. Raises `ConsoleClosed` before that."""
        if self._reached is None:
            raise ConsoleClosed(f"{type(self).__name__}: the board has not reached its prompt")
        return self._reached

    def judge_with(self, judging: Callable[[], AbstractContextManager[Judge]]) -> None:
        """Leave what looks like a boot, while a command runs, to the judges that `judging` returns."""
        self._judging = judging

    @Driver.check_active  # type: ignore[untyped-decorator]
    @step()  # type: ignore[untyped-decorator]
    def connect(self, deadline: Deadline) -> Prompt:
        """Wait for the prompt, stop an automatic boot on the way, run `init_commands`, and return the prompt."""
        prompt = self._new()
        prompt.wait(deadline, self._interrupts())
        self._reached = prompt
        for command in self.init_commands:
            prompt.run(command, deadline.remaining)
        return prompt

    @Driver.check_active  # type: ignore[untyped-decorator]
    @step()  # type: ignore[untyped-decorator]
    def resume(self, deadline: Deadline) -> Prompt:
        """Return the prompt of a board that continues from a state in which the prompt was there."""
        prompt = self._new()
        prompt.hello(deadline)
        self._reached = prompt
        return prompt

    def leave(self, command: str) -> None:
        """Type a command that leads to another state."""
        self.reached.send(command)

    @Driver.check_active  # type: ignore[untyped-decorator]
    @step(args=["cmd"], result=True)  # type: ignore[untyped-decorator]
    def run(
        self, cmd: str, codec: str = "utf-8", decodeerrors: str = "strict", timeout: float | None = None
    ) -> tuple[list[str], list[str], int]:
        """Run a command; return the lines that it printed, none, and its status, as labgrid does."""
        return self._run(cmd, codec=codec, decodeerrors=decodeerrors, timeout=timeout)

    def _run(self, cmd: str, *, timeout: float | None = None, **_text: str) -> tuple[list[str], list[str], int]:
        answer = self.reached.run(cmd, *(() if timeout is None else (timeout,)), check=False)
        return answer.lines, [], answer.status or 0

    def get_status(self) -> int:
        """Return 1 while there is a prompt."""
        return int(self._reached is not None)

    def on_deactivate(self) -> None:
        """Forget the prompt."""
        self._reached = None

    def _new(self) -> Prompt:
        judging = self._judging
        console = Console(
            self.console.stream,
            ending=self.ending or self.dialect.ending,
            prompt_pattern=self.prompt,
            excuse=self.console.board.excuse,
        )
        return Prompt(console, self.prompt, self.dialect, **({"judging": judging} if judging else {}))

    def _interrupts(self) -> tuple[tuple[re.Pattern[str], str], ...]:
        return ((re.compile(self.autoboot), self.interrupt),) if self.autoboot else ()


@target_factory.reg_driver
@attr.s(eq=False)
class UBootPromptDriver(PromptDriver):
    """The prompt of U-Boot. An automatic boot is stopped; the attributes are those of labgrid's UBootDriver.

    Args:
        prompt: a regular expression for the prompt
        autoboot: a regular expression for the text after which `interrupt` stops the automatic boot
    """

    kind = "uboot"
    dialect = UBOOT

    prompt: str = attr.ib(default="=> ", validator=[_TEXT, _pattern])
    autoboot: str = attr.ib(default="stop autoboot", validator=[_TEXT, _pattern])


@target_factory.reg_driver
@attr.s(eq=False)
class UefiShellDriver(PromptDriver):
    """The shell of UEFI. Its script `startup.nsh` is skipped.

    Args:
        prompt: a regular expression for the prompt
        autoboot: a regular expression for the text after which `interrupt` skips the script
    """

    kind = "uefi_shell"
    dialect = UEFI

    prompt: str = attr.ib(default=r"(?:Shell|FS\d+:[^>\r\n]*)> ", validator=[_TEXT, _pattern])
    autoboot: str = attr.ib(default=r"Press ESC in \d+ seconds", validator=[_TEXT, _pattern])
    interrupt: str = attr.ib(default="\x1b", validator=_TEXT)


@target_factory.reg_driver
@attr.s(eq=False)
class LoginShellDriver(PromptDriver):
    """The shell of an operating system on a serial line, after a login; attributes are those of labgrid's ShellDriver.

    Args:
        prompt: a regular expression for the prompt of the shell
        login_prompt: a regular expression for the text after which the user name is typed
        username: the user
        password: what is typed after a text with `Password:`
    """

    kind = "shell"
    dialect = POSIX

    prompt: str = attr.ib(default=r"(?:\S+[:@]\S*)?[#$] ", validator=[_TEXT, _pattern])
    login_prompt: str = attr.ib(default="(?<!Last )login: ", validator=[_TEXT, _pattern])
    username: str = attr.ib(default="root", validator=_TEXT)
    password: str = attr.ib(default="", validator=_TEXT)

    def _interrupts(self) -> tuple[tuple[re.Pattern[str], str], ...]:
        ending = self.ending or self.dialect.ending
        typed = (self.login_prompt, self.username), ("[Pp]assword: ", self.password)
        logins = tuple((re.compile(pattern), text + ending) for pattern, text in typed)
        return (*super()._interrupts(), *logins)
