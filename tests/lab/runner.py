"""A runner: leases a board, switches it on, and asks it one case after the other until the lease is gone."""

from __future__ import annotations

import json
import os
import select
import sys
import threading
from typing import Any

from hil.deadline import Deadline
from hil.errors import HilError
from hil.lab.address import LabAddress
from hil.lab.client import lease_board
from hil.lab.seats import parse_tags

CASE_MILLISECONDS = 50


def say(said: str, **details: Any) -> None:
    print(json.dumps({"said": said, **details}), flush=True)


def main() -> None:
    address, tags, wait = LabAddress.parse(sys.argv[1]), parse_tags(sys.argv[2]), float(sys.argv[3])
    try:
        lease = lease_board(address, tags, Deadline.after(wait))
    except HilError as error:
        say("failed", type=type(error).__name__, message=error.message)
        return
    os.environ.update(lease.environment)
    monitor = _monitor()
    say("leased", place=lease.grant.place, owner=lease.grant.owner)
    let_go = threading.Event()

    def listen() -> None:
        sys.stdin.read()
        let_go.set()

    threading.Thread(target=listen, daemon=True).start()
    number = 0
    while not let_go.is_set():
        try:
            lease.alarm.check()
        except HilError as error:
            say("lost", type=type(error).__name__, message=error.message)
            break
        number += 1
        try:
            monitor._link.ask(f"case {os.getpid()}-{number} {CASE_MILLISECONDS}", Deadline.after(8))
        except HilError:  # the board is off: because it is ours no more?
            if not select.select([lease.alarm], [], [], 60)[0]:
                raise
    lease.release()
    say("released", cases=number)


def _monitor() -> Any:
    from hil.board.file import labgridenv
    from hil.lab.simulated import BOARD_FILE

    environment = labgridenv.load(BOARD_FILE)
    strategy = labgridenv.target(environment).get_strategy()
    return strategy.fork()


if __name__ == "__main__":
    main()
