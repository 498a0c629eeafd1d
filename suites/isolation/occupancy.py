"""Whether EL3 is at work on an instance, as the hypervisor can find out without a change to anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.target.vtpm import Status, abi, queue_ipa

if TYPE_CHECKING:
    from hil.target.vtpm import ManagedQueue


def busy(queue: ManagedQueue) -> bool:
    """Whether another processor has the instance; binding it again to whom it belongs changes nothing."""
    instance, vm = queue.instance, queue.vm
    epoch = instance.service.next_epoch()
    status = instance.call(abi.VTPM_FID_BIND, vm.vmid, vm.stage2_base, epoch, queue_ipa(instance.index)).status
    assert status in {Status.OK, Status.BUSY}
    return status == Status.BUSY
