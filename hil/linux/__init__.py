"""Linux machines as tests see them: the board's own Linux, and what else can be reached from there."""

from __future__ import annotations

from hil.linux.commandloop import GuestEnded
from hil.linux.guest import Guest
from hil.linux.host import Host
from hil.linux.machine import Machine

__all__ = ["Guest", "GuestEnded", "Host", "Machine"]
