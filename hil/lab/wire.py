"""What a runner and the keeper say to each other: one JSON object per line, over one connection per lease.

The runner says `{"do": ...}`, the keeper `{"say": ...}`; docs/lab.md has the table.
"""

from __future__ import annotations

import json
from typing import Any

BEAT_SECONDS = 2.0
"""A runner says that it lives at least this often, and the keeper answers."""
RUNNER_PATIENCE_SECONDS = 8.0
"""A runner that has heard nothing from the keeper for so long lets go of its board."""
LET_GO_SECONDS = 5.0
"""So soon after its lease is gone, no runner touches the board any more."""
KEEPER_PATIENCE_SECONDS = 16.0
"""The keeper takes a board back from a runner that it has not heard for so long: after the runner has let go of it."""
POWER_OFF_SECONDS = 10.0
"""A board that is not off after so long counts as failed, and is freed all the same."""

assert RUNNER_PATIENCE_SECONDS + LET_GO_SECONDS < KEEPER_PATIENCE_SECONDS
assert KEEPER_PATIENCE_SECONDS + POWER_OFF_SECONDS < 30  # what docs/lab.md promises for a runner that dies

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
