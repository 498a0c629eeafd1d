"""Opens serial ports of this machine or of an exporter."""

from __future__ import annotations

from typing import Any

import serial
from labgrid.util.proxy import proxymanager

from hil.board.drivers.serialline import GLANCE_SECONDS

WRITE_SECONDS = 5.0


def open_port(port: Any) -> serial.SerialBase:
    """Open the port that a labgrid resource names. Raises `OSError`."""
    if hasattr(port, "protocol"):
        host, number = proxymanager.get_host_and_port(port)
        url = (
            f"rfc2217://{host}:{number}?ign_set_control" if port.protocol == "rfc2217" else f"socket://{host}:{number}"
        )
    elif port.port is None:
        raise FileNotFoundError(f"no serial port like {getattr(port, 'match', port)}")
    else:
        url = port.port
    return serial.serial_for_url(url, baudrate=port.speed, timeout=GLANCE_SECONDS, write_timeout=WRITE_SECONDS)
