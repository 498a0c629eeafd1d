"""vTPM instances and their queues, as the service's ABI defines them."""

from __future__ import annotations

from hil.vtpm.abi import Status
from hil.vtpm.hypervisor import Hypervisor, MonitorHypervisor, OwnedInstance, Vm
from hil.vtpm.instance import Info, Instance, Ticks
from hil.vtpm.queue import ControlPage
from hil.vtpm.reply import Reply, ServiceError
from hil.vtpm.service import Limits, Memory, Service, Version
from hil.vtpm.transport import ForwardedQueue, GuestQueue, ManagedQueue

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
