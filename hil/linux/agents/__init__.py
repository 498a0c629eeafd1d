"""Our agents in VMs of KVM: the hypervisor that a Linux host makes with its module and its VMM."""

from __future__ import annotations

from hil.linux.agents.hypervisor import KvmHypervisor
from hil.linux.agents.instance import KvmInstance
from hil.linux.agents.vm import KvmVm

__all__ = ["KvmHypervisor", "KvmInstance", "KvmVm"]
