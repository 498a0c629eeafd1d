"""`python -m hil.lab.simulated`: serve simulated boards until standard input ends; a part of the local lab."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from hil.lab.simulated.rack import serve


def main() -> None:
    """Serve the boards, and say `ready` once what their exporters export is written."""
    parser = argparse.ArgumentParser(prog="python -m hil.lab.simulated")
    parser.add_argument("directory", type=Path, help="where exports, the journal and faults are")
    parser.add_argument("--boards", type=int, default=4)
    parser.add_argument("--exporters", type=int, default=1)
    options = parser.parse_args()
    asyncio.run(_serve(options.directory, options.boards, options.exporters))


async def _serve(directory: Path, boards: int, exporters: int) -> None:
    await serve(directory, boards, exporters)
    print("ready", flush=True)
    # Whoever started us holds the other end, so the boards end with it, however it ends.
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    main()
