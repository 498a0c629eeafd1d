"""The interface of hypervisors for tests: VMs with agents in them, and vTPM instances for those VMs.

There are two implementations: the monitor at EL2, below which a test can also make each call itself (`Service`), and
Linux with KVM, our kernel module and VMM (`hil.linux.agents`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from hil.target.monitor import abi as agent_abi
from hil.target.vtpm import abi
from hil.target.vtpm.transport import ManagedQueue

if TYPE_CHECKING:
    from hil.target.monitor import Agent, VirtualMachine
    from hil.target.vtpm.instance import Info
    from hil.target.vtpm.service import Service
    from hil.target.vtpm.transport import GuestQueue


class Vm(Protocol):
    """A VM with an agent on each vCPU. Addresses and sizes are in bytes."""

    @property
    def ram_ipa(self) -> int:
        """The IPA of its RAM."""

    @property
    def free_ipa(self) -> int:
        """The first IPA of RAM that image and agents do not use; every agent maps it at the same VA."""

    @property
    def trap_smc(self) -> bool:
        """Whether its SMCs trap to the hypervisor, which then rings for it (FORWARD)."""

    def agent(self, vcpu: int = 0) -> Agent:
        """Return the agent on a vCPU."""

    def destroy(self) -> None:
        """Free everything that the VM uses."""


class OwnedInstance(Protocol):
    """A vTPM instance of one VM, from the hypervisor's point of view. Refused calls raise `ServiceError`."""

    @property
    def index(self) -> int:
        """Its number among the instances of its VM."""

    @property
    def slots(self) -> int:
        """The number of slots of its queue."""

    @property
    def queue_pa(self) -> int:
        """The physical address of its queue, chosen by EL3."""

    @property
    def queue_bytes(self) -> int:
        """The size of its queue."""

    def info(self) -> Info:
        """Return state, owner, queue and counters."""

    def read_queue(self, offset: int, length: int) -> bytes:
        """Read the queue through the hypervisor's mapping."""

    def place(self, ipa: int) -> None:
        """Tell EL3 the IPA of the queue."""

    def reset(self) -> None:
        """Report a reset of the VM: the instance gets _TPM_Init; RESET replaces an ephemeral one by a new TPM."""

    def destroy(self) -> None:
        """Stop and scrub the instance, which is unusable afterwards."""


VmType = TypeVar("VmType", bound=Vm)


class Hypervisor(Protocol[VmType]):
    """Runs VMs and gives them vTPMs."""

    def create_vm(self, *, ram_bytes: int = agent_abi.GUEST_RAM_UNIT, vcpus: int = 1) -> VmType:
        """Create a VM with at least `ram_bytes` of RAM."""

    def create_vtpm(
        self,
        vm: VmType,
        *,
        profile: int = abi.VTPM_PROFILE_DEFAULT,
        persistent: bool = False,
        platform_closed: bool = False,
        slots: int = 1,
        index: int = 0,
    ) -> GuestQueue:
        """Create an instance with these requirements, and map its queue for the VM's first vCPU."""


class MonitorHypervisor:
    """The monitor as a hypervisor: after creating, binding and mapping, it takes no part in a VM's use of its TPM."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.create_vm = service.monitor.create_vm

    def create_vtpm(
        self,
        vm: VirtualMachine,
        *,
        profile: int = abi.VTPM_PROFILE_DEFAULT,
        persistent: bool = True,
        platform_closed: bool = False,
        slots: int = 1,
        index: int = 0,
    ) -> ManagedQueue:
        """Create an instance (see `Service.create`), bind it to the VM, and map its queue."""
        instance = self._service.create(
            vm.id, profile=profile, persistent=persistent, platform_closed=platform_closed, slots=slots, index=index
        )
        return ManagedQueue.attach(instance, vm)
