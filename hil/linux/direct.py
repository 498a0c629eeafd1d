"""The direct path: an unmodified kernel in a VM of the bare-metal monitor. Its SMCs go to EL3 without a trap."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hil.headers import firmware_header, read_defines
from hil.linux.commandloop import CommandLoop
from hil.linux.guest import ARGUMENTS
from hil.target.vtpm import Service

if TYPE_CHECKING:
    from hil.target.monitor import GuestLine, Loaded, Monitor, VirtualMachine
    from hil.target.vtpm import Instance

GUEST_MAP = read_defines(firmware_header("linux/acpi/guest_map.h"))
"""The map of a guest's physical address space."""
QUEUE = GUEST_MAP["QUEUE_ADDRESS"]
MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class GuestImages:
    """The places of kernel and initramfs in physical memory."""

    kernel: Loaded
    initrd: Loaded


class DirectGuest(CommandLoop):
    """A guest of the monitor, at most one at a time. It takes commands over its console, one after the other."""

    def __init__(self, monitor: Monitor, vm: VirtualMachine, instance: Instance | None, console: GuestLine) -> None:
        super().__init__(f"the guest in VM {vm.id} of the monitor", console)
        self.monitor = monitor
        self.vm = vm
        self.instance = instance
        """Its vTPM, if it has one."""
        self.console = console

    @classmethod
    def start(
        cls,
        monitor: Monitor,
        images: GuestImages,
        *,
        vtpm: bool = True,
        memory: int = 128,
        arguments: str = "",
        trap_smc: bool = False,
    ) -> DirectGuest:
        """Boot a guest; `memory` is in MiB, `arguments` are added to the kernel's; `VirtualMachine` has `trap_smc`.

        Raises `MonitorRefused` if there is a guest already, or its images are missing.
        """
        vm = monitor.create_vm(ram_bytes=memory * MEBIBYTE)
        vm.trap_smc = trap_smc
        instance = Service(monitor).create(vm.id) if vtpm else None
        queue = (0, 0)
        if instance:
            queue = (QUEUE, instance.queue_bytes)
            vm.map(QUEUE, instance.queue_pa, instance.queue_bytes, device=True)
            instance.bind_to(vm, ipa=QUEUE)
        console = vm.boot(images.kernel, images.initrd, f"{ARGUMENTS} {arguments}".rstrip(), queue=queue)
        return cls(monitor, vm, instance, console)

    def resumed(self, monitor: Monitor) -> DirectGuest:
        """Return the same guest on a board that was forked from a state in which it ran."""
        vm = monitor.same_vm(self.vm)
        instance = self.instance and replace(self.instance, service=Service(monitor))
        return DirectGuest(monitor, vm, instance, vm.guest_line())

    def stop(self) -> None:
        """End the guest at once."""
        self.console.stop()
