"""Keeps serial ports on the network from before the board's power is touched until the board is switched on.

A server that serves a port to one client at a time shows whether somebody else has the port only when it is opened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hil.board.drivers.serialport import NetworkPort, open_port

if TYPE_CHECKING:
    import serial


class HeldPorts:
    """The open ports, by the names of their lines."""

    def __init__(self) -> None:
        self._ports: dict[str, NetworkPort] = {}

    def hold(self, name: str, port: Any) -> None:
        """Open a port of a labgrid resource, if it is one on the network. Raises `PortError`, also if it is taken."""
        if name not in self._ports and hasattr(port, "protocol"):
            opened = open_port(port)
            assert isinstance(opened, NetworkPort)
            self._ports[name] = opened

    def take(self, name: str, port: Any) -> serial.SerialBase:
        """Return the open port, without what has arrived meanwhile; if it is gone or not held, open it."""
        held = self._ports.pop(name, None)
        if held is not None:
            if held.is_drained():
                return held
            held.close()
        return open_port(port)

    def release(self) -> None:
        """Close all ports that were not taken."""
        while self._ports:
            self._ports.popitem()[1].close()
