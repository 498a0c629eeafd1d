"""Linux with KVM as the hypervisor of tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.linux.agents.instance import KvmInstance
from hil.linux.agents.vm import KvmVm
from hil.target.monitor import abi as agent_abi
from hil.target.vtpm import GuestQueue, abi
from hil.target.vtpm.transport import queue_ipa

if TYPE_CHECKING:
    from hil.linux.machine import Machine


class KvmHypervisor:
    """A host, its /dev/vtpm, and a VMM for each VM."""

    def __init__(self, host: Machine) -> None:
        self._host = host
        self._vms: list[KvmVm] = []

    def __enter__(self) -> KvmHypervisor:
        return self

    def __exit__(self, *_: object) -> None:
        for vm in self._vms:
            vm.destroy()

    def create_vm(self, *, ram_bytes: int = agent_abi.GUEST_RAM_UNIT, vcpus: int = 1) -> KvmVm:
        """Start a VMM with an agent on each vCPU."""
        self._vms.append(KvmVm(self._host, ram_bytes=ram_bytes, vcpus=vcpus))
        return self._vms[-1]

    def create_vtpm(
        self,
        vm: KvmVm,
        *,
        profile: int = abi.VTPM_PROFILE_DEFAULT,
        persistent: bool = False,
        platform_closed: bool = False,
        slots: int = 1,
        index: int = 0,
    ) -> GuestQueue:
        """Have the VMM create an instance. /dev/vtpm refuses persistent ones, as these VMs have no name."""
        requirements = profile | (abi.VTPM_REQUIRE_PERSISTENT if persistent else 0)
        requirements |= abi.VTPM_REQUIRE_PLATFORM_CLOSED if platform_closed else 0
        instance = KvmInstance.create(vm, index, slots, requirements, queue_ipa(index))
        return GuestQueue.map(instance, vm)
