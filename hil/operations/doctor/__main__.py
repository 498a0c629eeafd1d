"""`python -m hil.operations.doctor`: for the bootstrap, before anything else is known to work."""

import sys

import typer

from hil.errors import HilError
from hil.operations.doctor.command import command

if __name__ == "__main__":
    try:
        typer.run(command)
    except HilError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
