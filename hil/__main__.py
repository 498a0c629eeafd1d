"""`python -m hil`: the command line of this very package, whatever `hil` is on the PATH."""

from __future__ import annotations

from hil.cli import main

if __name__ == "__main__":
    main()
