"""The protocol between runners and the keeper: one JSON object per line, over one connection per lease.

The runner sends `{"do": ...}`, the keeper `{"say": ...}`; docs/lab.md has the table.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How many seconds each side waits for the other. All follow from `keeper`, which is sent with each lease.

    The keeper takes a board back from a runner that has been silent for `keeper` seconds. By then the runner has
    stopped using it: it gives up after `runner` seconds without the keeper, and stops within `let_go` seconds.
    """

    keeper: float = 16.0

    @property
    def heartbeat(self) -> float:
        """The interval at which a runner sends heartbeats, which the keeper answers."""
        return self.keeper / 8

    @property
    def runner(self) -> float:
        """How long the keeper may be silent before a runner gives its board up."""
        return self.keeper / 2

    @property
    def restart(self) -> float:
        """How long a runner waits for a keeper that does not run, as while it is started again on a busy machine."""
        return self.keeper

    @property
    def let_go(self) -> float:
        """How soon after the loss of its lease a runner has stopped using the board."""
        return self.keeper * 5 / 16


TIMEOUTS = Timeouts()
POWER_OFF_SECONDS = 10.0
"""How long switching a board off may take. After that the board counts as failed, and its place is freed."""

assert TIMEOUTS.runner + TIMEOUTS.let_go < TIMEOUTS.keeper
assert TIMEOUTS.keeper + POWER_OFF_SECONDS < 30  # what docs/lab.md promises for a runner that dies

LONGEST_LINE = 1 << 20

Message = dict[str, Any]


def encode(message: Message) -> bytes:
    """Encode a message as one line."""
    return json.dumps(message).encode() + b"\n"


def decode(line: bytes) -> Message:
    """Decode the message of a line. Raises `ValueError` for anything else."""
    message = json.loads(line)
    if not isinstance(message, dict):
        raise ValueError(f"not a message: {line[:80]!r}")
    return message
