"""vTPM instances and their queues, as the service's ABI defines them."""

from __future__ import annotations

from hil.target.vtpm.abi import Status
from hil.target.vtpm.hypervisor import Hypervisor, MonitorHypervisor, OwnedInstance, Vm
from hil.target.vtpm.instance import Info, Instance, Ticks
from hil.target.vtpm.queue import ControlPage
from hil.target.vtpm.reply import Reply, ServiceError
from hil.target.vtpm.service import Limits, Memory, Service, Version
from hil.target.vtpm.transport import ForwardedQueue, GuestQueue, ManagedQueue

__all__ = [
    "ControlPage",
    "ForwardedQueue",
    "GuestQueue",
    "Hypervisor",
    "Info",
    "Instance",
    "Limits",
    "ManagedQueue",
    "Memory",
    "MonitorHypervisor",
    "OwnedInstance",
    "Reply",
    "Service",
    "ServiceError",
    "Status",
    "Ticks",
    "Version",
    "Vm",
]
