"""Public name of the labgrid drivers: what a board file's `imports` names, and what drivers of your own extend.

A board of another kind implements `BoardProtocol`, and what writes its images `FlasherProtocol`; the other names that
are no drivers stand in the signatures of these two.
"""

from __future__ import annotations

from hil.board.drivers import (
    BootPartitionDriver,
    CardFlasher,
    CardReader,
    HilQEMUDriver,
    JunoControllerDriver,
    JunoFlasher,
    LoginShellDriver,
    MonitorDriver,
    ParamikoDriver,
    PromptDriver,
    Rpi4TwinDriver,
    SerialBoardDriver,
    TFTPFlasher,
    UartDriver,
    UBootPromptDriver,
    UefiShellDriver,
)
from hil.board.drivers.alarm import Alarm
from hil.board.drivers.protocols import BoardProtocol, FlasherProtocol, PromptProtocol
from hil.board.drivers.start import Start
from hil.board.flash import BoardDirty, FlashPlan, FlashResult, Meter, Payload, PayloadFile
from hil.console import ByteStream
from hil.record.transcript import Transcript, TranscriptSink

__all__ = [
    "Alarm",
    "BoardDirty",
    "BoardProtocol",
    "BootPartitionDriver",
    "ByteStream",
    "CardFlasher",
    "CardReader",
    "FlashPlan",
    "FlashResult",
    "FlasherProtocol",
    "HilQEMUDriver",
    "JunoControllerDriver",
    "JunoFlasher",
    "LoginShellDriver",
    "Meter",
    "MonitorDriver",
    "ParamikoDriver",
    "Payload",
    "PayloadFile",
    "PromptDriver",
    "PromptProtocol",
    "Rpi4TwinDriver",
    "SerialBoardDriver",
    "Start",
    "TFTPFlasher",
    "Transcript",
    "TranscriptSink",
    "UBootPromptDriver",
    "UartDriver",
    "UefiShellDriver",
]
