"""Our agents in VMs of KVM: a Linux host with our module and VMM as the hypervisor of tests."""

from __future__ import annotations

from hil.linux.agents.hypervisor import KvmHypervisor
from hil.linux.agents.instance import KvmInstance
from hil.linux.agents.vm import KvmVm

__all__ = ["KvmHypervisor", "KvmInstance", "KvmVm"]
