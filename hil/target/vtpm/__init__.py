"""vTPM instances and their queues, as defined by the service's ABI."""

from __future__ import annotations

from hil.target.vtpm import abi
from hil.target.vtpm.abi import Status
from hil.target.vtpm.hypervisor import Hypervisor, MonitorHypervisor, OwnedInstance, Vm
from hil.target.vtpm.instance import Info, Instance, Ticks
from hil.target.vtpm.queue import ControlPage, buffer_offset, entry_offset
from hil.target.vtpm.reply import Reply, ServiceError
from hil.target.vtpm.service import Limits, Memory, Service, Version
from hil.target.vtpm.transport import ForwardedQueue, GuestQueue, ManagedQueue, queue_ipa, queue_va

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
    "abi",
    "buffer_offset",
    "entry_offset",
    "queue_ipa",
    "queue_va",
]
