"""Why a board begins to run."""

from __future__ import annotations

from enum import StrEnum


class Start(StrEnum):
    """What was done to the board."""

    POWER_ON = "power on"
    RESET = "reset"
    RESUME = "resume from a snapshot"
