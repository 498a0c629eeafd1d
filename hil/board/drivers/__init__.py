"""labgrid drivers, one per file. Importing this package registers them, or offers them to a lazy labgrid.

The drivers of a board are a few of them, and to import all takes a quarter of a second.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from hil import lazylabgrid

if TYPE_CHECKING:
    from hil.board.drivers.bootpartition import BootPartitionDriver
    from hil.board.drivers.cardflasher import CardFlasher
    from hil.board.drivers.cardreader import CardReader
    from hil.board.drivers.filesflasher import JunoFlasher, TFTPFlasher
    from hil.board.drivers.junocontroller import JunoControllerDriver
    from hil.board.drivers.monitordriver import MonitorDriver
    from hil.board.drivers.promptdriver import LoginShellDriver, PromptDriver, UBootPromptDriver, UefiShellDriver
    from hil.board.drivers.qemu import HilQEMUDriver
    from hil.board.drivers.serialboard import SerialBoardDriver
    from hil.board.drivers.ssh import ParamikoDriver
    from hil.board.drivers.twin import Rpi4TwinDriver
    from hil.board.drivers.uartdriver import UartDriver

MODULES = {
    "BootPartitionDriver": "bootpartition",
    "CardFlasher": "cardflasher",
    "CardReader": "cardreader",
    "HilQEMUDriver": "qemu",
    "JunoControllerDriver": "junocontroller",
    "JunoFlasher": "filesflasher",
    "LoginShellDriver": "promptdriver",
    "MonitorDriver": "monitordriver",
    "ParamikoDriver": "ssh",
    "PromptDriver": "promptdriver",
    "Rpi4TwinDriver": "twin",
    "SerialBoardDriver": "serialboard",
    "TFTPFlasher": "filesflasher",
    "UBootPromptDriver": "promptdriver",
    "UartDriver": "uartdriver",
    "UefiShellDriver": "promptdriver",
}
"""The module of this package that each driver is in."""

__all__ = [
    "BootPartitionDriver",
    "CardFlasher",
    "CardReader",
    "HilQEMUDriver",
    "JunoControllerDriver",
    "JunoFlasher",
    "LoginShellDriver",
    "MonitorDriver",
    "ParamikoDriver",
    "PromptDriver",
    "Rpi4TwinDriver",
    "SerialBoardDriver",
    "TFTPFlasher",
    "UBootPromptDriver",
    "UartDriver",
    "UefiShellDriver",
]


def __getattr__(name: str) -> Any:
    """Import a driver when it is asked for."""
    if name in MODULES:
        return getattr(import_module(f"{__name__}.{MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


lazylabgrid.offer(__name__, MODULES)
