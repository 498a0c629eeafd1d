"""The command line. Each command is a module; `hil.cli.commandline` is what they have in common.

This module imports next to nothing: what is imported before byte code is kept is compiled at each start.
"""

from __future__ import annotations

import gc
import sys

from hil.cli.streams import lost_output, needs_utf8_mode, prepare_streams, restart
from hil.errors import ExitCode
from hil.paths import keep_byte_code

__all__ = ["main"]


OBJECTS_UNTIL_COLLECTION = 20_000
"""Modules are a million objects, which stay. With Python's own number the garbage collector goes through them again and
again while they are imported, which takes a tenth of the time."""


def main() -> None:
    """Run the command line and leave with one of the documented exit codes."""
    gc.set_threshold(OBJECTS_UNTIL_COLLECTION)
    keep_byte_code()
    if needs_utf8_mode():
        restart()
    prepare_streams()

    from hil import lazylabgrid

    lazylabgrid.install()
    from hil.cli.commandline import print_error, run_command_line

    code = run_command_line()
    if lost := lost_output():
        print_error(f"standard output cannot be written: {lost}")
        code = max(code, ExitCode.USAGE)
    sys.exit(code)
