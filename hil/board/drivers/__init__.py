"""labgrid drivers, one per file. Importing this package registers them."""

from __future__ import annotations

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
