"""`python -m hil.lab`: the keeper itself, for a service manager."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import sys
from pathlib import Path

from hil.errors import UsageError
from hil.interruption import ending_signals
from hil.lab.address import LabAddress
from hil.lab.health import RECHECK_SECONDS
from hil.lab.keeper import Keeper
from hil.lab.tls import keeper_context
from hil.lab.wire import TIMEOUTS


def main() -> None:
    """Keep the lab of one coordinator until a signal ends it."""
    parser = argparse.ArgumentParser(prog="python -m hil.lab")
    parser.add_argument("coordinator", help="HOST:PORT; the keeper listens on the next port")
    parser.add_argument(
        "--patience", type=float, default=TIMEOUTS.keeper, help="seconds without a heartbeat after which a lease ends"
    )
    parser.add_argument("--recheck", type=float, default=RECHECK_SECONDS, help="seconds between checks of a sick board")
    parser.add_argument("--cert", type=Path, help="the keeper's certificate (PEM): runners must connect by TLS")
    parser.add_argument("--key", type=Path, help="its private key (PEM), unless it is in the same file")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s", stream=sys.stderr)
    with contextlib.suppress(asyncio.CancelledError):
        try:
            address, tls = LabAddress.parse(options.coordinator), keeper_context(options.cert, options.key)
        except UsageError as error:
            parser.error(str(error))
        asyncio.run(_keep(Keeper(address, options.patience, options.recheck, tls)))


async def _keep(keeper: Keeper) -> None:
    task = asyncio.current_task()
    assert task is not None
    for number in ending_signals():
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    await keeper.run()


if __name__ == "__main__":
    main()
