"""Public name of the labgrid drivers: what a board file's `imports` names, and what a user's drivers extend."""

from __future__ import annotations

from hil.board.drivers import (
    BootPartitionDriver,
    CardFlasher,
    CardReader,
    HilQEMUDriver,
    JunoControllerDriver,
    JunoFlasher,
    MonitorDriver,
    ParamikoDriver,
    Rpi4TwinDriver,
    SerialBoardDriver,
    TFTPFlasher,
    UartDriver,
)

__all__ = [
    "BootPartitionDriver",
    "CardFlasher",
    "CardReader",
    "HilQEMUDriver",
    "JunoControllerDriver",
    "JunoFlasher",
    "MonitorDriver",
    "ParamikoDriver",
    "Rpi4TwinDriver",
    "SerialBoardDriver",
    "TFTPFlasher",
    "UartDriver",
]
