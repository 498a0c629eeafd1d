"""The command line. Each command is one module; errors of our tree become a message and an exit code here."""

from __future__ import annotations

import sys
import traceback
from contextvars import ContextVar
from importlib.metadata import version
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from hil.cli.commands import EXIT_CODES, Program
from hil.errors import ExitCode, HilError
from hil.extras import explained

__all__ = ["EXIT_CODES", "app", "main"]

_debug: ContextVar[bool] = ContextVar("debug", default=False)

app = typer.Typer(
    cls=Program,
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
    debug: Annotated[bool, typer.Option("--debug", help="Show where in the code an error came from.")] = False,
    version: Annotated[  # noqa: ARG001 - its callback does it
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Test firmware with a vTPM service at EL3 on ARMv8-A boards, or on QEMU when no board is at hand."""
    _debug.set(debug)


def main() -> None:
    """Run the command line and leave with one of the documented exit codes."""
    try:
        app(prog_name="hil")
    except HilError as error:
        if _debug.get():
            traceback.print_exc()
        else:
            _say(str(error))
        sys.exit(error.exit_code)
    except OSError as error:
        if not error.filename or _debug.get():
            traceback.print_exc()
            sys.exit(ExitCode.INFRASTRUCTURE)
        _say(
            f"{error.filename!r} cannot be used: {error.strerror}\n  try: another path; hil --debug shows who wanted it"
        )
        sys.exit(ExitCode.USAGE)
    except KeyboardInterrupt:
        sys.exit(ExitCode.USAGE)
    except Exception as error:
        if not _debug.get() and (missing := explained(error)):
            _say(str(missing))
            sys.exit(missing.exit_code)
        # A mistake of ours is no finding about the firmware, which Python's own exit code 1 would mean.
        traceback.print_exc()
        sys.exit(ExitCode.INFRASTRUCTURE)


def _say(error: str) -> None:
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"[red]error:[/] {escape(error)}")
