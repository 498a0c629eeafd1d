"""The monitor at EL2, as tests see it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.deadline import Deadline
from hil.target.monitor import abi
from hil.target.monitor.link import Link
from hil.target.monitor.runner import Runner
from hil.target.monitor.vm import VirtualMachine

if TYPE_CHECKING:
    from hil.console import ByteStream

_CREATE = 30.0


class Monitor(Runner):
    """The monitor on the other end of a serial line; as a runner, its agent at EL2 on CPU 0.

    `read` and `write` take physical addresses: EL2 maps memory one to one.
    """

    def __init__(self, stream: ByteStream) -> None:
        super().__init__(Link(stream), "m0")

    def wait_ready(self, deadline: Deadline) -> None:
        """Return once the monitor answers; see `Link.greet`."""
        self._link.greet(deadline)

    def cpu(self, index: int) -> Runner:
        """Return the agent at EL2 on another CPU; it can run beside this one, while no vCPU has that CPU."""
        return Runner(self._link, f"m{index:x}")

    def create_vm(
        self, *, ram_bytes: int = abi.GUEST_RAM_UNIT, vcpus: int = 1, vmid: int | None = None
    ) -> VirtualMachine:
        """Create a VM. RAM comes in multiples of 512 KiB; a VMID that another VM has is allowed, None chooses one.

        Raises `MonitorRefused` when RAM or VM numbers are used up, or an argument is out of range.
        """
        answer = self._link.ask(f"create {ram_bytes:x} {vcpus:x} {vmid or 0:x}", Deadline.after(_CREATE))
        return VirtualMachine(self._link, ram_bytes, *(int(word, 16) for word in answer.split()))

    def same_vm(self, vm: VirtualMachine) -> VirtualMachine:
        """Return a VM that was created before a snapshot, on the monitor of a board that goes on from it."""
        return vm.over(self._link)
