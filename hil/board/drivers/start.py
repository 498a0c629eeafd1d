"""The ways in which a board begins to run."""

from __future__ import annotations

from enum import StrEnum


class Start(StrEnum):
    """How a board was started."""

    POWER_ON = "power on"
    RESET = "reset"
    RESUME = "resume from a snapshot"
