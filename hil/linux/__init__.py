"""Linux machines for tests: the board's own Linux, and its guests."""

from __future__ import annotations

from hil.linux.commandloop import GuestConsoleDamaged, GuestEnded, GuestHang, GuestIncomplete, command_line
from hil.linux.direct import GUEST_MAP, DirectGuest, GuestImages
from hil.linux.guest import DIRECTORY as GUEST_DIRECTORY
from hil.linux.guest import Guest, GuestPanic, GuestRestarted, GuestTaken, WantedVtpm
from hil.linux.host import Host
from hil.linux.machine import Machine

__all__ = [
    "GUEST_DIRECTORY",
    "GUEST_MAP",
    "DirectGuest",
    "Guest",
    "GuestConsoleDamaged",
    "GuestEnded",
    "GuestHang",
    "GuestImages",
    "GuestIncomplete",
    "GuestPanic",
    "GuestRestarted",
    "GuestTaken",
    "Host",
    "Machine",
    "WantedVtpm",
    "command_line",
]
