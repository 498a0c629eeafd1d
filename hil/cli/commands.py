"""The sub-commands. Each is imported when it is used: what nobody asked for costs no time when Tab is pressed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

import typer.main
from typer.core import TyperCommand, TyperGroup

from hil.errors import ExitCode

EXIT_CODES = """\
Exit codes: 0 all passed, 1 findings (the firmware broke a promise), 2 usage (something impossible was asked for, \
a tool is missing, or the run was interrupted), 3 infrastructure (the board, the emulator or the lab failed)."""

SUMMARIES = {
    "run": "Run suites on a board, or on several at once, and leave a record in reports/.",
    "build": "Build the firmware of one platform, and a Linux host for it; what is up to date is left as it is.",
    "flash": "Bring a board's images to its medium, and read them back; the board is off afterwards.",
    "boards": "Show the boards: where they are, who has them, how they are, what is on them, how their last run ended.",
    "console": "Switch a board on and talk to it over a serial line, to its Linux, or to a guest.",
    "bringup": "Bring up a board that has never booted: from the power switch to the first TPM command, then Linux.",
    "bisect": "Find the change of the firmware that broke a test.",
    "report": "Show a run again and make its reports anew; compare two runs; show the last runs side by side; merge.",
    "bench": "Measure framework and service: ratios in one run, exact instruction counts, exact counts of traps.",
    "doctor": "Say what this machine lacks for building and testing, and how to get it.",
    "firmware": "Look after the third-party parts of the firmware.",
    "lab": "Share boards through labgrid: a local lab on this machine, and the state of any lab.",
    "new": "Write a commented file to start from: a board, a suite.",
}
"""Each command with what `hil --help` says of it."""
ELSEWHERE = {"doctor": "hil.operations.doctor.command"}
"""Commands that are not in a module of their name beside this one."""

if TYPE_CHECKING:
    Command = TyperCommand | TyperGroup
    Commands_ = Mapping[str, Command]
else:
    Commands_ = Mapping


class Commands(Commands_):
    """All commands by their names; to look one up imports it."""

    def __init__(self) -> None:
        self._loaded: dict[str, Command] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(SUMMARIES)

    def __len__(self) -> int:
        return len(SUMMARIES)

    def __getitem__(self, name: str) -> Command:
        if name not in SUMMARIES:
            raise KeyError(name)
        if name not in self._loaded:
            self._loaded[name] = _load(name)
        return self._loaded[name]


def _load(name: str) -> Command:
    module = import_module(ELSEWHERE.get(name, f"{__package__}.{name}"))
    app: typer.Typer | None = getattr(module, "app", None)
    if app is None:
        app = typer.Typer(add_completion=False, rich_markup_mode="rich")
        app.command(name, epilog=EXIT_CODES, context_settings=getattr(module, "PASS_THROUGH", None))(module.command)
    command: Any = typer.main.get_command(app)
    command.name = name
    return command  # type: ignore[no-any-return]


class Program(TyperGroup):
    """`hil` itself."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = Commands()  # type: ignore[assignment] # none is ever added
        self._summaries_will_do = False

    def invoke(self, ctx: Any) -> Any:
        """Run a command. An interruption has our exit code, and is not taken for a finding."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise typer.Exit(ExitCode.USAGE) from None
        except EOFError as error:
            raise RuntimeError("something ended too early") from error  # no interruption, which typer takes it for

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        """Return the names of all commands."""
        return list(SUMMARIES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command, or what is said of it where that will do."""
        if self._summaries_will_do and cmd_name in SUMMARIES:
            return TyperCommand(cmd_name, help=SUMMARIES[cmd_name])
        return super().get_command(ctx, cmd_name)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help page."""
        self._summaries_will_do = True
        super().format_help(ctx, formatter)

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """Return the commands and options that begin like this."""
        self._summaries_will_do = True
        return super().shell_complete(ctx, incomplete)
