"""The command `hil`: its own options, and how an error becomes a message and an exit code."""

from __future__ import annotations

import traceback
from contextvars import ContextVar
from importlib.metadata import version
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from hil.cli.commands import EXIT_CODES, HilGroup
from hil.errors import ExitCode, HilError
from hil.extras import explained
from hil.interruption import raised_as_keyboard_interrupt

_debug: ContextVar[bool] = ContextVar("debug", default=False)

app = typer.Typer(
    cls=HilGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    epilog=EXIT_CODES,
    rich_markup_mode="rich",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"hil {version('hil')}")
        raise typer.Exit


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show a traceback with each error.")] = False,
    version: Annotated[  # noqa: ARG001 - its callback does it
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Test the firmware of ARMv8-A boards: a vTPM service at EL3, U-Boot, UEFI; on QEMU without a board."""
    _debug.set(debug)


def run_command_line() -> int:
    """Run the command line and return its exit code."""
    try:
        with raised_as_keyboard_interrupt():
            app(prog_name="hil")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else ExitCode.PASSED
    except HilError as error:
        if _debug.get():
            traceback.print_exc()
        else:
            print_error(str(error))
        return error.exit_code
    except OSError as error:
        if not error.filename or _debug.get():
            traceback.print_exc()
            return ExitCode.INFRASTRUCTURE
        print_error(
            f"{error.filename!r} cannot be used: {error.strerror}\n  try: another path; hil --debug shows what used it"
        )
        return ExitCode.USAGE
    except KeyboardInterrupt:
        return ExitCode.USAGE
    except Exception as error:
        if not _debug.get() and (missing := explained(error)):
            print_error(str(missing))
            return missing.exit_code
        # Python would exit with 1, which means a finding about the firmware. A bug of ours is none.
        traceback.print_exc()
        return ExitCode.INFRASTRUCTURE
    return ExitCode.PASSED


def print_error(error: str) -> None:
    """Print a message of an error to standard error."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"[red]error:[/] {escape(error)}")
