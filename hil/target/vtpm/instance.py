"""A vTPM instance, from the hypervisor's point of view."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.target.vtpm import abi

if TYPE_CHECKING:
    from hil.target.monitor import VirtualMachine
    from hil.target.vtpm.reply import Reply
    from hil.target.vtpm.service import Service


@dataclass(frozen=True, slots=True)
class Info:
    """The service's information about an instance; `state` is one of `VTPM_STATE_*`."""

    state: int
    vm_id: int
    queue_pa: int
    queue_bytes: int
    commands: int
    requirements: int
    index: int


@dataclass(frozen=True, slots=True)
class Ticks:
    """Where the last doorbell spent its time, in ticks of CNTPCT_EL0, and the counters of the window cache."""

    doorbell: int
    engine: int
    switching: int
    switches: int
    loads: int
    evictions: int


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Instance:
    """A live instance. Refused calls raise `ServiceError`."""

    service: Service
    vm_id: int
    index: int
    slots: int
    handle: int
    queue_pa: int
    queue_bytes: int

    def __repr__(self) -> str:
        return f"<vTPM {self.index} of VM {self.vm_id}, handle {self.handle:#x}>"

    def call(self, fid: int, *arguments: int) -> Reply:
        """Make a call with this instance's handle, and return the reply without checking it."""
        return self.service.call(fid, self.handle, *arguments)

    def bind(self, vmid: int, stage2_base: int, *, epoch: int | None = None, ipa: int = 0) -> None:
        """Bind the instance to an identity: VMID and stage-2 base, which EL3 compares with VTTBR_EL2."""
        epoch = self.service.next_epoch() if epoch is None else epoch
        self.call(abi.VTPM_FID_BIND, vmid, stage2_base, epoch, ipa).require()

    def bind_to(self, vm: VirtualMachine, *, epoch: int | None = None, ipa: int = 0) -> None:
        """Bind the instance to a VM of the monitor."""
        self.bind(vm.vmid, vm.stage2_base, epoch=epoch, ipa=ipa)

    def place(self, ipa: int) -> None:
        """Tell EL3 the IPA of the queue, without changing the identity that the instance is bound to, if any."""
        self.call(abi.VTPM_FID_BIND, 0, 0, 0, ipa).require()

    def info(self) -> Info:
        """Return state, owner, queue and counters."""
        return Info(*self.call(abi.VTPM_FID_INFO, abi.VTPM_INFO_STATE).require())

    def ticks(self) -> Ticks:
        """Return where the last doorbell spent its time."""
        return Ticks(*self.call(abi.VTPM_FID_INFO, abi.VTPM_INFO_TICKS).require()[:6])

    def read_queue(self, offset: int, length: int) -> bytes:
        """Read the queue at its physical address."""
        return self.service.monitor.read(self.queue_pa + offset, length)

    def reset(self) -> None:
        """Report a reset of the VM: the instance gets _TPM_Init; RESET replaces an ephemeral one by a new TPM."""
        self.call(abi.VTPM_FID_RESET).require()

    def destroy(self) -> None:
        """Stop and scrub the instance; its handle is invalid afterwards."""
        self.call(abi.VTPM_FID_DESTROY).require()

    def forward(self) -> None:
        """Ring on behalf of the VM."""
        self.call(abi.VTPM_FID_FORWARD).require()
