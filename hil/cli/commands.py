"""The sub-commands. Each is imported only when it is used, so that help and completion are fast."""

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
    "build": "Build the firmware of one platform and its Linux host, as far as they are out of date.",
    "flash": "Write a board's images to its medium, and verify them; the board is off afterwards.",
    "boards": "Show all boards: place, user, health, firmware and last run.",
    "console": "Switch a board on and open a console: a serial line, a shell of its Linux, or a guest.",
    "debug": "Debug a board with gdb: EL3, EL2, EL1 and the engine, each with its own symbols.",
    "bringup": "Bring up a board for the first time: from the power switch to the first TPM command, then Linux.",
    "bisect": "Find the change of the firmware that broke a test.",
    "report": "Show a run and rebuild its reports; compare, merge or remove runs; show the last runs side by side.",
    "tpm": "Let TPM tools of others use vTPMs of a board: tpm2-tools, tpm2-tss, IBM's TSS, QEMU.",
    "bench": "Measure framework and service: ratios in one run, exact counts of instructions and traps.",
    "doctor": "Report what this machine lacks for building and testing, and how to install it.",
    "firmware": "Third-party parts of the firmware: update, fetch.",
    "lab": "Share boards through labgrid: a local lab on this machine, and the state of any lab.",
    "new": "Write a commented file to start from: a board, a suite.",
}
"""The commands, each with its line in `hil --help`."""
ELSEWHERE = {"doctor": "hil.operations.doctor.command"}
"""Commands that are not in a module of their name in this package."""

if TYPE_CHECKING:
    Command = TyperCommand | TyperGroup
    Commands_ = Mapping[str, Command]
else:
    Commands_ = Mapping


class Commands(Commands_):
    """All commands by name. Looking one up imports its module."""

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


class HilGroup(TyperGroup):
    """The command `hil` itself, which shows help and completion without importing its sub-commands."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = Commands()  # type: ignore[assignment] # none is ever added
        self._summaries_suffice = False

    def invoke(self, ctx: Any) -> Any:
        """Run a command. An interruption gets our exit code: click's own, 1, means a finding."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise typer.Exit(ExitCode.USAGE) from None
        except EOFError as error:
            raise RuntimeError(
                "something ended too early"
            ) from error  # typer would take an EOFError for an interruption

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        """Return the names of all commands."""
        return list(SUMMARIES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command, or a stand-in with its summary while help or completion is written."""
        if self._summaries_suffice and cmd_name in SUMMARIES:
            return TyperCommand(cmd_name, help=SUMMARIES[cmd_name])
        return super().get_command(ctx, cmd_name)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help page."""
        self._summaries_suffice = True
        super().format_help(ctx, formatter)

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """Return the commands and options that begin like this."""
        self._summaries_suffice = True
        return super().shell_complete(ctx, incomplete)
