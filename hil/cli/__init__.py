"""The command line. Each command is a module; here, a `HilError` becomes a message and an exit code."""

from __future__ import annotations

import sys
import traceback
from contextvars import ContextVar
from importlib.metadata import version
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from hil.cli.commands import EXIT_CODES, HilGroup
from hil.cli.streams import lost_output, needs_utf8_mode, prepare_streams, restart
from hil.errors import ExitCode, HilError
from hil.extras import explained
from hil.interruption import raised_as_keyboard_interrupt
from hil.paths import keeps_byte_code

__all__ = ["EXIT_CODES", "app", "main"]

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
    """Test firmware with a vTPM service at EL3 on ARMv8-A boards, or on QEMU when no board is at hand."""
    _debug.set(debug)


def main() -> None:
    """Run the command line and leave with one of the documented exit codes."""
    if any([needs_utf8_mode(), keeps_byte_code()]):
        restart()
    prepare_streams()
    code = _exit_code()
    if lost := lost_output():
        _print_error(f"standard output cannot be written: {lost}")
        code = max(code, ExitCode.USAGE)
    sys.exit(code)


def _exit_code() -> int:
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
            _print_error(str(error))
        return error.exit_code
    except OSError as error:
        if not error.filename or _debug.get():
            traceback.print_exc()
            return ExitCode.INFRASTRUCTURE
        _print_error(
            f"{error.filename!r} cannot be used: {error.strerror}\n  try: another path; hil --debug shows what used it"
        )
        return ExitCode.USAGE
    except KeyboardInterrupt:
        return ExitCode.USAGE
    except Exception as error:
        if not _debug.get() and (missing := explained(error)):
            _print_error(str(missing))
            return missing.exit_code
        # Python would exit with 1, which means a finding about the firmware. A bug of ours is none.
        traceback.print_exc()
        return ExitCode.INFRASTRUCTURE
    return ExitCode.PASSED


def _print_error(error: str) -> None:
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"[red]error:[/] {escape(error)}")
