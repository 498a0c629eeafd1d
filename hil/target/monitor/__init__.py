"""The monitor at EL2 and its guest agents at EL1: tests do everything on the board through them."""

from __future__ import annotations

from hil.target.monitor import abi
from hil.target.monitor.client import Monitor
from hil.target.monitor.guestline import GuestLine, GuestState, Loaded
from hil.target.monitor.landing import InitialState, Landing
from hil.target.monitor.link import MonitorRefused
from hil.target.monitor.outcome import FaultReport, ProgramEnd, ProgramOutcome, RanTooLong, SmcResult, TargetFault
from hil.target.monitor.program import Program, Reg, r
from hil.target.monitor.roundtrip import DoorbellRefused
from hil.target.monitor.runner import Pending, Runner
from hil.target.monitor.vm import Agent, VirtualMachine

__all__ = [
    "Agent",
    "DoorbellRefused",
    "FaultReport",
    "GuestLine",
    "GuestState",
    "InitialState",
    "Landing",
    "Loaded",
    "Monitor",
    "MonitorRefused",
    "Pending",
    "Program",
    "ProgramEnd",
    "ProgramOutcome",
    "RanTooLong",
    "Reg",
    "Runner",
    "SmcResult",
    "TargetFault",
    "VirtualMachine",
    "abi",
    "r",
]
