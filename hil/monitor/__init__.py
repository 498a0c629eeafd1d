"""The monitor at EL2 and its guest agents at EL1: everything that tests do on the board goes through here."""

from __future__ import annotations

from hil.monitor.client import Monitor
from hil.monitor.guestline import GuestLine, GuestState, Loaded
from hil.monitor.link import MonitorRefused
from hil.monitor.outcome import Ended, Fault, Outcome, RanTooLong, SmcResult, TargetFault
from hil.monitor.program import Program, Reg, r
from hil.monitor.roundtrip import DoorbellRefused
from hil.monitor.runner import Pending, Runner
from hil.monitor.vm import Agent, VirtualMachine

__all__ = [
    "Agent",
    "DoorbellRefused",
    "Ended",
    "Fault",
    "GuestLine",
    "GuestState",
    "Loaded",
    "Monitor",
    "MonitorRefused",
    "Outcome",
    "Pending",
    "Program",
    "RanTooLong",
    "Reg",
    "Runner",
    "SmcResult",
    "TargetFault",
    "VirtualMachine",
    "r",
]
