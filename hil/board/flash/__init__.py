"""Flashes boards: writes images to media, verifies them by reading them back, and keeps a note for each board."""

from __future__ import annotations

from hil.board.flash.errors import BoardDirty, FlashBusy, MediumInUse, MediumMissing, WrongMedium
from hil.board.flash.payload import Payload, PayloadFile
from hil.board.flash.procedure import FlashPhase, FlashPlan, FlashResult, Meter, flash, silent
from hil.board.flash.state import FlashMemory, FlashState

__all__ = [
    "BoardDirty",
    "FlashBusy",
    "FlashMemory",
    "FlashPhase",
    "FlashPlan",
    "FlashResult",
    "FlashState",
    "MediumInUse",
    "MediumMissing",
    "Meter",
    "Payload",
    "PayloadFile",
    "WrongMedium",
    "flash",
    "silent",
]
