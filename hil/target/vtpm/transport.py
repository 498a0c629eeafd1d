"""Sends commands to an instance: through its queue from inside the VM, or through the hypervisor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from hil.account import TpmCommand, telling
from hil.errors import FirmwareError
from hil.target.monitor import DoorbellRefused
from hil.target.vtpm import abi
from hil.target.vtpm.abi import Status, call_name
from hil.target.vtpm.queue import ControlPage, RingEntry, buffer_offset, entry_offset, u32
from hil.target.vtpm.reply import Reply, ServiceError

if TYPE_CHECKING:
    from hil.target.monitor import Agent, VirtualMachine
    from hil.target.vtpm.hypervisor import OwnedInstance, Vm
    from hil.target.vtpm.instance import Instance

_IPA = 0x8000_0000
_VA = 0x1_0000_0000
_STRIDE = 0x10_0000


def queue_ipa(index: int) -> int:
    """Return the IPA at which an instance's queue is mapped into its VM by default."""
    return _IPA + index * _STRIDE


def queue_va(index: int) -> int:
    """Return the default VA of an instance's queue. It differs from the IPA, so that mixing them up is noticed."""
    return _VA + index * _STRIDE


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class GuestQueue:
    """The queue of an instance, mapped for one vCPU of its VM, which sends commands without its hypervisor."""

    instance: OwnedInstance
    vm: Vm
    agent: Agent
    va: int

    @classmethod
    def map(cls, instance: OwnedInstance, vm: Vm, *, vcpu: int = 0, device: bool = False) -> Self:
        """Map a queue in the stage 1 of one vCPU; stage 2 must map it at `queue_ipa` already."""
        va = queue_va(instance.index)
        agent = vm.agent(vcpu)
        agent.map(va, queue_ipa(instance.index), instance.queue_bytes, device=device)
        return cls(instance, vm, agent, va)

    def __repr__(self) -> str:
        return f"<queue of {self.instance!r} at {self.va:#x} of {self.agent}>"

    @property
    def doorbell(self) -> int:
        """The function identifier of this instance's doorbell."""
        return abi.doorbell(self.instance.index)

    def transmit(self, command: bytes) -> bytes:
        """Send a command through the ring and return the response. Raises `ServiceError`."""
        slot = 0 if self.instance.slots == 1 else self.control_page().head % self.instance.slots
        try:
            return self.agent.tpm_command(self.va, self.doorbell, command, slot=slot)
        except DoorbellRefused as refused:
            raise ServiceError(call_name(self.doorbell), Status.from_code(refused.status)) from None

    def ring(self) -> Reply:
        """Ring the doorbell, and do nothing else."""
        return Reply.from_registers(self.doorbell, self.agent.smc(self.doorbell).x)

    def check(self, va: int | None = None) -> Reply:
        """Ask EL3 whether `va`, by default the queue's own, maps this queue."""
        arguments = (self.va if va is None else va, self.instance.index)
        return Reply.from_registers(abi.VTPM_FID_QUEUE_CHECK, self.agent.smc(abi.VTPM_FID_QUEUE_CHECK, *arguments).x)

    def place(self, slot: int, command: bytes, *, length: int | None = None, state: int | None = None) -> None:
        """Write a command and its ring entry, but not HEAD; `length` and `state` override the fields of the entry."""
        state = abi.VTPM_SLOT_SUBMITTED if state is None else state
        self.agent.write(self.va + buffer_offset(slot), command)
        self.write(entry_offset(slot) + abi.VTPM_ENTRY_STATE, state)
        self.write(entry_offset(slot) + abi.VTPM_ENTRY_LENGTH, len(command) if length is None else length)

    def write(self, offset: int, value: int) -> None:
        """Write one field of the control page."""
        self.agent.write(self.va + offset, u32(value & 0xFFFFFFFF))

    def submit(self, commands: int) -> Reply:
        """Advance HEAD by a number of placed commands, and ring."""
        self.write(abi.VTPM_RING_HEAD, self.control_page().head + commands)
        return self.ring()

    def control_page(self) -> ControlPage:
        """Read the control page through the guest's mapping."""
        return ControlPage.parse(self.agent.read(self.va, abi.VTPM_PAGE_BYTES))

    def buffer(self, slot: int = 0) -> bytes:
        """Return the whole buffer of a slot: the last response, and older bytes that it did not overwrite."""
        return self.agent.read(self.va + buffer_offset(slot), abi.VTPM_SLOT_BYTES)

    def response(self, slot: int = 0) -> bytes:
        """Return the response in a slot."""
        return self.buffer(slot)[: response_length(self.control_page().entries[slot])]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ManagedQueue(GuestQueue):
    """The queue of an instance in a VM of the monitor, which gives tests the calls that EL2 makes."""

    instance: Instance
    vm: VirtualMachine

    @classmethod
    def attach(cls, instance: Instance, vm: VirtualMachine, *, vcpu: int = 0) -> Self:
        """Bind the instance to `vm` and map its queue in stage 2 and stage 1, at the default addresses."""
        ipa = queue_ipa(instance.index)
        vm.map(ipa, instance.queue_pa, instance.queue_bytes)
        instance.bind_to(vm, ipa=ipa)
        return cls.map(instance, vm, vcpu=vcpu)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ForwardedQueue:
    """The queue of an instance, used by the hypervisor: what one does that traps its guests' SMCs."""

    instance: Instance

    def __repr__(self) -> str:
        return f"<queue of {self.instance!r}, by FORWARD>"

    def transmit(self, command: bytes) -> bytes:
        """Write a command to the queue at its physical address, FORWARD it, and return the response."""
        with telling(TpmCommand("FORWARD", command)) as told:
            told.response = self._forward(command)
        return told.response

    def _forward(self, command: bytes) -> bytes:
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
        """Read the control page at the queue's physical address."""
        return ControlPage.parse(self.instance.read_queue(0, abi.VTPM_PAGE_BYTES))


def response_length(entry: RingEntry) -> int:
    """Return the length of the response in a slot, in bytes. Raises `FirmwareError` if the slot holds none."""
    if entry.state not in (abi.VTPM_SLOT_DONE, abi.VTPM_SLOT_REFUSED) or not 0 < entry.length <= abi.VTPM_SLOT_BYTES:
        raise FirmwareError(f"the doorbell succeeded, but the slot says {entry}", doing="reading a TPM response")
    return entry.length
