"""What every hypervisor does for a test: VMs with agents in them, and vTPM instances for those VMs.

There are two: our monitor at EL2, whose every step a test can also take itself (`Service`), and Linux with KVM, its
module and its VMM (`hil.linux.agents`).
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
    """A virtual machine with an agent on each vCPU. Addresses and sizes are in bytes."""

    @property
    def ram_ipa(self) -> int:
        """Where its RAM begins."""

    @property
    def free_ipa(self) -> int:
        """The first address of RAM that image and agents do not use, also at this VA in every agent."""

    @property
    def trap_smc(self) -> bool:
        """Whether its SMCs end at the hypervisor, which then rings for it."""

    def agent(self, vcpu: int = 0) -> Agent:
        """Return the agent on a vCPU."""

    def destroy(self) -> None:
        """Give everything back."""


class OwnedInstance(Protocol):
    """A vTPM instance of one VM, as whoever runs that VM holds it. Refusals raise `ServiceError`."""

    @property
    def index(self) -> int:
        """Which of its VM's instances it is."""

    @property
    def slots(self) -> int:
        """How many commands fit into its queue."""

    @property
    def queue_pa(self) -> int:
        """Where EL3 has put its queue."""

    @property
    def queue_bytes(self) -> int:
        """How large its queue is."""

    def info(self) -> Info:
        """Return state, owner, queue and counters."""

    def read_queue(self, offset: int, length: int) -> bytes:
        """Return what lies in the queue, as the hypervisor sees it."""

    def place(self, ipa: int) -> None:
        """Say where the VM finds the queue."""

    def reset(self) -> None:
        """The VM was reset: _TPM_Init; an ephemeral instance becomes a new TPM."""

    def destroy(self) -> None:
        """Stop and scrub; the instance is dead afterwards."""


VmType = TypeVar("VmType", bound=Vm)


class Hypervisor(Protocol[VmType]):
    """Runs VMs and gives them vTPMs."""

    def create_vm(self, *, ram_bytes: int = agent_abi.GUEST_RAM_UNIT, vcpus: int = 1) -> VmType:
        """Create a VM with at least so much RAM."""

    def create_vtpm(
        self,
        vm: VmType,
        *,
        profile: int = abi.VTPM_PROFILE_DEFAULT,
        persistent: bool = False,
        slots: int = 1,
        index: int = 0,
    ) -> GuestQueue:
        """Generate an instance as the VM requires, and map its queue for the VM's first vCPU."""


class MonitorHypervisor:
    """The monitor: it creates, binds and maps, and then has no part in what VM and instance do."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.create_vm = service.monitor.create_vm

    def create_vtpm(
        self,
        vm: VirtualMachine,
        *,
        profile: int = abi.VTPM_PROFILE_DEFAULT,
        persistent: bool = True,
        slots: int = 1,
        index: int = 0,
    ) -> ManagedQueue:
        """See `Service.create`."""
        instance = self._service.create(vm.id, profile=profile, persistent=persistent, slots=slots, index=index)
        return ManagedQueue.attach(instance, vm)
