"""A vTPM instance that a VMM has created for its VM."""

from __future__ import annotations

import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.target.monitor import abi as agent_abi
from hil.target.vtpm import Info

if TYPE_CHECKING:
    from hil.linux.agents.vm import KvmVm


@dataclass(frozen=True, slots=True, eq=False)
class KvmInstance:
    """An instance of a VM under KVM, known to the VMM by its index. Refused calls raise `ServiceError`."""

    vm: KvmVm
    index: int
    slots: int
    queue_pa: int
    queue_bytes: int

    @classmethod
    def create(cls, vm: KvmVm, index: int, slots: int, requirements: int, ipa: int) -> KvmInstance:
        """Generate an instance, and give the VM its queue at `ipa`."""
        vm.call("vtpm-create", index, slots, requirements, ipa)
        made = cls(vm, index, slots, 0, 0).info()
        return cls(vm, index, slots, made.queue_pa, made.queue_bytes)

    def info(self) -> Info:
        """Return state, owner, queue and counters."""
        state, vm_id, queue_pa, queue_bytes, commands, requirements = self.vm.call("vtpm-info", self.index)
        return Info(state, vm_id, queue_pa, queue_bytes, commands, requirements, self.index)

    def read_queue(self, offset: int, length: int) -> bytes:
        """Return the content of the queue, read through the VMM's mapping."""
        data = b""
        while len(data) < length:
            piece = min(length - len(data), agent_abi.AGENT_DATA_BYTES)
            data += binascii.a2b_base64(self.vm.ask("vtpm-queue", self.index, offset + len(data), piece))
        return data

    def place(self, ipa: int) -> None:
        """Move the queue to another address in the VM; 0 unmaps it."""
        self.vm.call("vtpm-place", self.index, ipa)

    def reset(self) -> None:
        """Report that the VM was reset: the instance becomes a new TPM."""
        self.vm.call("vtpm-reset", self.index)

    def destroy(self) -> None:
        """Stop and scrub the instance, and unmap its queue from the VM."""
        self.vm.call("vtpm-destroy", self.index)
