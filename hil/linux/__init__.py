"""Linux machines as tests see them: the board's own Linux, and what else can be reached from there."""

from __future__ import annotations

from hil.linux.commandloop import GuestEnded
from hil.linux.direct import DirectGuest, GuestImages
from hil.linux.guest import Guest
from hil.linux.host import Host
from hil.linux.machine import Machine

__all__ = ["DirectGuest", "Guest", "GuestEnded", "GuestImages", "Host", "Machine"]
