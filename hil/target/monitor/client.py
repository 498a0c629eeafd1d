"""The test's interface to the monitor at EL2."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.deadline import Deadline
from hil.errors import FirmwareError
from hil.target.monitor import abi
from hil.target.monitor.link import Link
from hil.target.monitor.runner import Runner
from hil.target.monitor.vm import VirtualMachine
from hil.target.smccc import Status, signed

if TYPE_CHECKING:
    from hil.console import ByteStream

_CREATE = 30.0
_CPU = 15.0


class Monitor(Runner):
    """A monitor at the other end of a serial line. It is also the runner of its own agent: at EL2, on CPU 0.

    `read` and `write` take physical addresses, because EL2 maps memory one to one.
    """

    def __init__(self, stream: ByteStream) -> None:
        super().__init__(Link(stream), "m0")

    def wait_ready(self, deadline: Deadline) -> None:
        """Wait until the monitor answers; see `Link.greet`."""
        self._link.greet(deadline)

    def cpu(self, index: int) -> Runner:
        """Return the agent at EL2 on another CPU. It runs in parallel to this one, as long as no vCPU uses that CPU."""
        return Runner(self._link, f"m{index:x}")

    def cpus(self) -> tuple[int, ...]:
        """Return the indexes of the CPUs that are on, this one first."""
        return tuple(int(word, 16) for word in self._link.ask("online", Deadline.after(_CPU)).split())

    def turn_off(self, index: int) -> int:
        """Have a CPU switch itself off by PSCI's CPU_OFF; return 0, or what the firmware says if it is still on.

        Raises `MonitorRefused` if that CPU is not online, runs a program, or is the one that answers.
        """
        return signed(int(self._link.ask(f"off {index:x}", Deadline.after(_CPU)), 16))

    def turn_on(self, index: int) -> int:
        """Turn on a CPU that is off, by PSCI's CPU_ON; return what the firmware says.

        Raises `FirmwareError` if the firmware says that it has, and the CPU does not come up; `MonitorRefused` if there
        is no such CPU, or it is online.
        """
        status, online = (int(word, 16) for word in self._link.ask(f"on {index:x}", Deadline.after(_CPU)).split())
        if status == Status.SUCCESS and not online:
            raise FirmwareError(f"CPU_ON returned SUCCESS, and CPU {index} did not come up", doing="turning on a CPU")
        return signed(status)

    def create_vm(
        self, *, ram_bytes: int = abi.GUEST_RAM_UNIT, vcpus: int = 1, vmid: int | None = None
    ) -> VirtualMachine:
        """Create a VM with RAM in multiples of 512 KiB.

        `vmid` may be the VMID of another VM; None lets the monitor choose. Raises `MonitorRefused` if RAM or VM numbers
        are used up, or an argument is out of range.
        """
        answer = self._link.ask(f"create {ram_bytes:x} {vcpus:x} {vmid or 0:x}", Deadline.after(_CREATE))
        return VirtualMachine(self._link, ram_bytes, *(int(word, 16) for word in answer.split()))

    def same_vm(self, vm: VirtualMachine) -> VirtualMachine:
        """Return a VM that was created before a snapshot, for use with this monitor, which was resumed from it."""
        return vm.over(self._link)
