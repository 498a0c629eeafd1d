"""`python -m hil.doctor`: for the bootstrap, before anything else is known to work."""

import sys

import typer

from hil.doctor.command import command
from hil.errors import HilError

if __name__ == "__main__":
    try:
        typer.run(command)
    except HilError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
