"""Public name of the labgrid drivers: what a board file's `imports` names, and what drivers of your own extend.

A board of another kind implements `BoardProtocol`, and what writes its images `FlasherProtocol`; the other names that
are no drivers stand in the signatures of these two.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from hil.board import drivers

if TYPE_CHECKING:
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

_MODULES = {
    **dict.fromkeys(drivers.MODULES, "hil.board.drivers"),
    "Alarm": "hil.board.drivers.alarm",
    **dict.fromkeys(("BoardProtocol", "FlasherProtocol", "PromptProtocol"), "hil.board.drivers.protocols"),
    "Start": "hil.board.drivers.start",
    **dict.fromkeys(("BoardDirty", "FlashPlan", "FlashResult", "Meter", "Payload", "PayloadFile"), "hil.board.flash"),
    "ByteStream": "hil.console",
    **dict.fromkeys(("Transcript", "TranscriptSink"), "hil.record.transcript"),
}
"""Where each name is imported from, when it is asked for: every board file imports this module, and uses a few."""

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


def __getattr__(name: str) -> Any:
    """Import what is asked for."""
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
