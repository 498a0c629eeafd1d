"""What a runner and the keeper say to each other: one JSON object per line, over one connection per lease.

The runner says `{"do": ...}`, the keeper `{"say": ...}`; docs/lab.md has the table.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Patience:
    """How many seconds each side waits for a word of the other. All follow from the keeper's, which it tells runners.

    The keeper takes a board back from a runner that it has not heard for so long: after the runner has let go of it.
    """

    keeper: float = 16.0

    @property
    def beat(self) -> float:
        """A runner says that it lives at least this often, and the keeper answers."""
        return self.keeper / 8

    @property
    def runner(self) -> float:
        """A runner that has heard nothing from the keeper for so long lets go of its board."""
        return self.keeper / 2

    @property
    def let_go(self) -> float:
        """So soon after its lease is gone, no runner touches the board any more."""
        return self.keeper * 5 / 16


PATIENCE = Patience()
POWER_OFF_SECONDS = 10.0
"""A board that is not off after so long counts as failed, and is freed all the same."""

assert PATIENCE.runner + PATIENCE.let_go < PATIENCE.keeper
assert PATIENCE.keeper + POWER_OFF_SECONDS < 30  # what docs/lab.md promises for a runner that dies

LONGEST_LINE = 1 << 20

Message = dict[str, Any]


def encode(message: Message) -> bytes:
    """Return a message as one line."""
    return json.dumps(message).encode() + b"\n"


def decode(line: bytes) -> Message:
    """Return the message of a line. Raises `ValueError` for anything else."""
    message = json.loads(line)
    if not isinstance(message, dict):
        raise ValueError(f"not a message: {line[:80]!r}")
    return message
