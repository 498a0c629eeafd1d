"""One vTPM instance, as the hypervisor holds it."""

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
    """What the service knows of an instance; `state` is one of `VTPM_STATE_*`."""

    state: int
    vm_id: int
    queue_pa: int
    queue_bytes: int
    commands: int
    requirements: int
    index: int


@dataclass(frozen=True, slots=True)
class Ticks:
    """Where the last doorbell's time went, in ticks of CNTPCT_EL0, and how the window cache fared so far."""

    doorbell: int
    engine: int
    switching: int
    switches: int
    loads: int
    evictions: int


@dataclass(frozen=True, slots=True, eq=False)
class Instance:
    """A live instance. Refused calls raise `ServiceError`."""

    service: Service
    vm_id: int
    index: int
    slots: int
    handle: int
    queue_pa: int
    queue_bytes: int

    def call(self, fid: int, *arguments: int) -> Reply:
        """Make a call about this instance, and return the answer whatever it is."""
        return self.service.call(fid, self.handle, *arguments)

    def bind(self, vmid: int, stage2_base: int, *, epoch: int | None = None, ipa: int = 0) -> None:
        """Tie the instance to an identity: VMID and stage-2 base as EL3 finds them in VTTBR_EL2."""
        epoch = self.service.next_epoch() if epoch is None else epoch
        self.call(abi.VTPM_FID_BIND, vmid, stage2_base, epoch, ipa).require()

    def bind_to(self, vm: VirtualMachine, *, epoch: int | None = None, ipa: int = 0) -> None:
        """Tie the instance to a VM of the monitor."""
        self.bind(vm.vmid, vm.stage2_base, epoch=epoch, ipa=ipa)

    def place(self, ipa: int) -> None:
        """Say where the VM finds the queue, and leave open, or as it is, which VM that is."""
        self.call(abi.VTPM_FID_BIND, 0, 0, 0, ipa).require()

    def info(self) -> Info:
        """Return state, owner, queue and counters."""
        return Info(*self.call(abi.VTPM_FID_INFO, abi.VTPM_INFO_STATE).require())

    def ticks(self) -> Ticks:
        """Return where the last doorbell's time went."""
        return Ticks(*self.call(abi.VTPM_FID_INFO, abi.VTPM_INFO_TICKS).require()[:6])

    def read_queue(self, offset: int, length: int) -> bytes:
        """Return what lies in the queue, read at its physical address."""
        return self.service.monitor.read(self.queue_pa + offset, length)

    def reset(self) -> None:
        """The VM was reset: _TPM_Init; an ephemeral instance becomes a new TPM."""
        self.call(abi.VTPM_FID_RESET).require()

    def destroy(self) -> None:
        """Stop and scrub; the handle is dead afterwards."""
        self.call(abi.VTPM_FID_DESTROY).require()

    def forward(self) -> None:
        """Ring on behalf of the VM."""
        self.call(abi.VTPM_FID_FORWARD).require()
