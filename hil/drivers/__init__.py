"""labgrid drivers, one per file; importing this registers them."""

from __future__ import annotations

from hil.drivers.bootpartition import BootPartitionDriver
from hil.drivers.cardflasher import CardFlasher
from hil.drivers.cardreader import CardReader
from hil.drivers.filesflasher import JunoFlasher, TFTPFlasher
from hil.drivers.junocontroller import JunoControllerDriver
from hil.drivers.monitordriver import MonitorDriver
from hil.drivers.qemu import HilQEMUDriver
from hil.drivers.serialboard import SerialBoardDriver
from hil.drivers.ssh import ParamikoDriver
from hil.drivers.twin import Rpi4TwinDriver
from hil.drivers.uartdriver import UartDriver

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
