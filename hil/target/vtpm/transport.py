"""Two ways to an instance: through the queue as its VM sees it, and through the hypervisor's hands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from hil.errors import FirmwareError
from hil.target.monitor import DoorbellRefused
from hil.target.vtpm import abi
from hil.target.vtpm.abi import Status, call_name
from hil.target.vtpm.queue import ControlPage, Entry, buffer_offset, entry_offset, u32
from hil.target.vtpm.reply import Reply, ServiceError

if TYPE_CHECKING:
    from hil.target.monitor import Agent, VirtualMachine
    from hil.target.vtpm.hypervisor import OwnedInstance, Vm
    from hil.target.vtpm.instance import Instance

_IPA = 0x8000_0000
_VA = 0x1_0000_0000
_STRIDE = 0x10_0000


def queue_ipa(index: int) -> int:
    """Return where the queue of a VM's instance goes in its physical address space, unless a test says otherwise."""
    return _IPA + index * _STRIDE


def queue_va(index: int) -> int:
    """Return the same in its virtual one: another number, so that a confusion of the two cannot pass."""
    return _VA + index * _STRIDE


@dataclass(frozen=True, slots=True, eq=False)
class GuestQueue:
    """An instance's queue, mapped for one vCPU of its VM: commands never leave the VM's hands."""

    instance: OwnedInstance
    vm: Vm
    agent: Agent
    va: int

    @classmethod
    def map(cls, instance: OwnedInstance, vm: Vm, *, vcpu: int = 0, device: bool = False) -> Self:
        """Map a queue that stage 2 has already at its usual place, in the address space of one vCPU."""
        va = queue_va(instance.index)
        agent = vm.agent(vcpu)
        agent.map(va, queue_ipa(instance.index), instance.queue_bytes, device=device)
        return cls(instance, vm, agent, va)

    @property
    def doorbell(self) -> int:
        """The function identifier that rings this instance."""
        return abi.doorbell(self.instance.index)

    def transmit(self, command: bytes) -> bytes:
        """Send one command through the ring and return its response. Raises `ServiceError`."""
        slot = 0 if self.instance.slots == 1 else self.control_page().head % self.instance.slots
        try:
            return self.agent.tpm_command(self.va, self.doorbell, command, slot=slot)
        except DoorbellRefused as refused:
            raise ServiceError(call_name(self.doorbell), Status.of(refused.status)) from None

    def ring(self) -> Reply:
        """Make the doorbell call and nothing else."""
        return Reply.of(self.doorbell, self.agent.smc(self.doorbell).x)

    def check(self, va: int | None = None) -> Reply:
        """Ask EL3 whether `va` (the queue's own, if not given) maps this queue."""
        arguments = (self.va if va is None else va, self.instance.index)
        return Reply.of(abi.VTPM_FID_QUEUE_CHECK, self.agent.smc(abi.VTPM_FID_QUEUE_CHECK, *arguments).x)

    def place(self, slot: int, command: bytes, *, length: int | None = None, state: int | None = None) -> None:
        """Put a command in a slot without submitting it; `length` and `state` override what the ring says of it."""
        state = abi.VTPM_SLOT_SUBMITTED if state is None else state
        self.agent.write(self.va + buffer_offset(slot), command)
        self.write(entry_offset(slot) + abi.VTPM_ENTRY_STATE, state)
        self.write(entry_offset(slot) + abi.VTPM_ENTRY_LENGTH, len(command) if length is None else length)

    def write(self, offset: int, value: int) -> None:
        """Write one field of the control page."""
        self.agent.write(self.va + offset, u32(value & 0xFFFFFFFF))

    def submit(self, commands: int) -> Reply:
        """Advance HEAD over that many placed commands and ring."""
        self.write(abi.VTPM_RING_HEAD, self.control_page().head + commands)
        return self.ring()

    def control_page(self) -> ControlPage:
        """Return the control page as the guest sees it."""
        return ControlPage.parse(self.agent.read(self.va, abi.VTPM_PAGE_BYTES))

    def buffer(self, slot: int = 0) -> bytes:
        """Return what lies in a slot's buffer now: the last response, and what it did not overwrite."""
        return self.agent.read(self.va + buffer_offset(slot), abi.VTPM_SLOT_BYTES)

    def response(self, slot: int = 0) -> bytes:
        """Return the response that a slot holds."""
        return self.buffer(slot)[: response_length(self.control_page().entries[slot])]


@dataclass(frozen=True, slots=True, eq=False)
class ManagedQueue(GuestQueue):
    """The same in a VM of the monitor: instance and VM can be handled as EL2 does."""

    instance: Instance
    vm: VirtualMachine

    @classmethod
    def attach(cls, instance: Instance, vm: VirtualMachine, *, vcpu: int = 0) -> Self:
        """Bind the instance to `vm` and map its queue, stage 2 and stage 1, at the usual places."""
        ipa = queue_ipa(instance.index)
        vm.map(ipa, instance.queue_pa, instance.queue_bytes)
        instance.bind_to(vm, ipa=ipa)
        return cls.map(instance, vm, vcpu=vcpu)


@dataclass(frozen=True, slots=True, eq=False)
class ForwardedQueue:
    """An instance's queue in the hypervisor's hands: what a hypervisor does that traps its guests' SMCs."""

    instance: Instance

    def transmit(self, command: bytes) -> bytes:
        """Send one command through the ring at the queue's physical address, and FORWARD it."""
        instance, monitor = self.instance, self.instance.service.monitor
        head = self.control_page().head
        slot = head % instance.slots
        entry_pa = instance.queue_pa + entry_offset(slot)
        buffer_pa = instance.queue_pa + buffer_offset(slot)
        monitor.write(buffer_pa, command)
        monitor.write(entry_pa, u32(abi.VTPM_SLOT_SUBMITTED) + u32(len(command)))
        monitor.write(instance.queue_pa + abi.VTPM_RING_HEAD, u32((head + 1) & 0xFFFFFFFF))
        instance.forward()
        entry = self.control_page().entries[slot]
        return monitor.read(buffer_pa, response_length(entry))

    def control_page(self) -> ControlPage:
        """Return the control page as the hypervisor sees it."""
        return ControlPage.parse(self.instance.read_queue(0, abi.VTPM_PAGE_BYTES))


def response_length(entry: Entry) -> int:
    """Return how many bytes of a slot are the response; raises `FirmwareError` if the slot holds none."""
    if entry.state not in (abi.VTPM_SLOT_DONE, abi.VTPM_SLOT_REFUSED) or not 0 < entry.length <= abi.VTPM_SLOT_BYTES:
        raise FirmwareError(f"the doorbell succeeded, but the slot says {entry}", doing="reading a TPM response")
    return entry.length
