"""Virtual machines of the monitor, and the agents inside them."""

from __future__ import annotations

import base64
import copy
from typing import TYPE_CHECKING

from hil.account import Mapping, TpmCommand, telling
from hil.deadline import Deadline
from hil.target.monitor import abi
from hil.target.monitor.guestline import GuestLine
from hil.target.monitor.program import Program, r
from hil.target.monitor.roundtrip import round_trip
from hil.target.monitor.runner import Runner

if TYPE_CHECKING:
    from hil.target.monitor.guestline import Loaded
    from hil.target.monitor.link import Link

TAKEN_BYTES = abi.GUEST_IMAGE_BYTES + abi.GUEST_MAX_VCPUS * abi.GUEST_BLOCK_BYTES
"""How many bytes at the start of a VM's RAM the guest image and its agents use."""

_USUAL = 10.0
_TPM_COMMAND = 120.0
_BOOT = 60.0


class VirtualMachine:
    """A VM at EL1 under the monitor. All addresses and sizes are in bytes."""

    def __init__(  # one argument per value of the shell's answer, in its order
        self, link: Link, ram_bytes: int, number: int, vmid: int, stage2_base: int, ram_ipa: int, ram_pa: int
    ) -> None:
        self._link = link
        self.id = number
        self.vmid = vmid
        self.stage2_base = stage2_base
        """VTTBR_EL2.BADDR of this VM: together with the VMID, its identity for EL3."""
        self.ram_ipa = ram_ipa
        self.ram_pa = ram_pa
        self.ram_bytes = ram_bytes
        self._traps_smc = False
        self._default_cacheable = False

    def __repr__(self) -> str:
        return f"<VM {self.id}>"

    def agent(self, vcpu: int = 0) -> Agent:
        """Return the agent on a vCPU. The agents of one VM share memory, but each has its own stage 1."""
        return Agent(self._link, self.id, vcpu)

    @property
    def free_ipa(self) -> int:
        """The first IPA of RAM that image and agents do not use; every agent maps it at the same VA."""
        return self.ram_ipa + TAKEN_BYTES

    def map(self, ipa: int, pa: int, length: int, *, device: bool = False, writable: bool = True) -> None:
        """Map pages in stage 2, replacing existing mappings."""
        attributes = abi.STAGE2_DEVICE * device | abi.STAGE2_WRITABLE * writable
        self._ask(f"map {self.id:x} {ipa:x} {pa:x} {length:x} {attributes:x}")

    def unmap(self, ipa: int, length: int) -> None:
        """Unmap pages in stage 2."""
        self._ask(f"unmap {self.id:x} {ipa:x} {length:x}")

    @property
    def trap_smc(self) -> bool:
        """Whether the guest's SMCs trap to EL2 (HCR_EL2.TSC), where the monitor answers NOT_SUPPORTED."""
        return self._traps_smc

    @trap_smc.setter
    def trap_smc(self, on: bool) -> None:
        self._ask(f"trap {self.id:x} {on:x}")
        self._traps_smc = on

    @property
    def default_cacheable(self) -> bool:
        """Whether HCR_EL2.DC is set instead of HCR_EL2.VM, which disables stage 1 and enables stage 2 all the same."""
        return self._default_cacheable

    @default_cacheable.setter
    def default_cacheable(self, on: bool) -> None:
        self._ask(f"cacheable {self.id:x} {on:x}")
        self._default_cacheable = on

    def traps(self) -> int:
        """Return how often the guest has trapped to EL2 so far; the trap that ends a request is not counted."""
        return self._counters()[0]

    def smc_traps(self) -> int:
        """Return how many of the traps were SMCs."""
        return self._counters()[1]

    def traps_by_class(self) -> dict[int, int]:
        """Return the number of synchronous exceptions by class (ESR_EL2.EC), without classes that did not occur."""
        numbers = [int(word, 16) for word in self._ask(f"classes {self.id:x}").split()]
        return dict(zip(numbers[::2], numbers[1::2], strict=True))

    def boot(self, kernel: Loaded, initrd: Loaded, arguments: str, *, queue: tuple[int, int] = (0, 0)) -> GuestLine:
        """Start an arm64 Linux kernel in place of the agent of a VM with one vCPU, and return its console.

        The monitor copies kernel and initrd into the VM. `queue` is IPA and size of the vTPM's queue; (0, 0) stands for
        a guest without a vTPM. The guest has a CPU to itself. Raises `MonitorRefused` if there is such a guest already.
        """
        numbers = (self.id, kernel.address, kernel.size, initrd.address, initrd.size, *queue)
        words = " ".join(f"{number:x}" for number in numbers)
        encoded = base64.b64encode(arguments.encode()).decode()
        self._link.ask(f"boot {words} {encoded}", Deadline.after(_BOOT))
        return self.guest_line()

    def guest_line(self) -> GuestLine:
        """Return the console of the Linux in this VM, even if it was started before the current snapshot was taken."""
        return GuestLine(self._link, self.id)

    def over(self, link: Link) -> VirtualMachine:
        """Return the same VM, accessed over another link."""
        other = copy.copy(self)
        other._link = link
        return other

    def destroy(self) -> None:
        """Free all memory and the VMID of the VM. Raises `MonitorRefused` while an agent or a guest is running."""
        self._ask(f"destroy {self.id:x}")

    def _counters(self) -> list[int]:
        return [int(word, 16) for word in self._ask(f"counters {self.id:x}").split()]

    def _ask(self, text: str) -> str:
        return self._link.ask(text, Deadline.after(_USUAL))


class Agent(Runner):
    """The interpreter on one vCPU, at EL1. `read` and `write` take virtual addresses of its stage 1."""

    def __init__(self, link: Link, vm: int, vcpu: int) -> None:
        super().__init__(link, f"{vm:x}.{vcpu:x}")

    def map(self, va: int, ipa: int, length: int, *, device: bool = False, writable: bool = True) -> None:
        """Map pages in stage 1, replacing existing mappings. Raises `UsageError` if unaligned, or out of tables."""
        program = Program()
        program.set(r[0], va)
        program.set(r[1], ipa)
        program.map(r[0], r[1], length, device=device, writable=writable)
        program.halt()
        with telling(Mapping(self._agent, va, length, ipa)):
            self.run(program).require(f"mapping {length:#x} bytes at {va:#x} to {ipa:#x} in {self}")

    def unmap(self, va: int, length: int) -> None:
        """Unmap pages in stage 1."""
        program = Program()
        program.set(r[0], va)
        program.unmap(r[0], length)
        program.halt()
        with telling(Mapping(self._agent, va, length)):
            self.run(program).require(f"unmapping {length:#x} bytes at {va:#x} in {self}")

    def tpm_command(
        self, queue_va: int, doorbell_fid: int, command: bytes, *, slot: int = 0, deadline: Deadline | None = None
    ) -> bytes:
        """Send a TPM command through the queue mapped at `queue_va`, and return the response; takes one request.

        Raises `DoorbellRefused` if EL3 refuses the doorbell, and `FirmwareError` if the slot holds no response.
        """
        trip = round_trip(queue_va, doorbell_fid, command, slot)
        with telling(TpmCommand(self._agent, command)) as told:
            outcome = self.run(trip.program, deadline or Deadline.after(_TPM_COMMAND))
            outcome.require(f"sending a TPM command of {len(command)} bytes from {self}")
            told.response = trip.response(outcome)
        return told.response
