"""labgrid drivers, one per file; importing this registers them."""

from __future__ import annotations

from hil.drivers.monitordriver import MonitorDriver
from hil.drivers.qemu import HilQEMUDriver
from hil.drivers.ssh import ParamikoDriver
from hil.drivers.uartdriver import UartDriver

__all__ = ["HilQEMUDriver", "MonitorDriver", "ParamikoDriver", "UartDriver"]
