"""Flashing: what is written to which medium, verified by reading it back, and remembered for each board."""

from __future__ import annotations

from hil.board.flash.errors import BoardDirty, FlashBusy, MediumInUse, MediumMissing, WrongMedium
from hil.board.flash.payload import Payload, PayloadFile
from hil.board.flash.procedure import FlashPlan, FlashResult, Meter, Work, flash, silent
from hil.board.flash.state import FlashMemory, FlashState

__all__ = [
    "BoardDirty",
    "FlashBusy",
    "FlashMemory",
    "FlashPlan",
    "FlashResult",
    "FlashState",
    "MediumInUse",
    "MediumMissing",
    "Meter",
    "Payload",
    "PayloadFile",
    "Work",
    "WrongMedium",
    "flash",
    "silent",
]
