"""Guests of a Linux host: an unmodified kernel in a VM of its own, with a vTPM or without."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from hil.linux.commandloop import CommandLoop

if TYPE_CHECKING:
    from hil.linux.machine import Machine

KERNEL = "/guest/Image"
INITRD = "/guest/initrd"
ARGUMENTS = (
    "earlycon=pl011,0x09000000 keep_bootcon quiet efi=noruntime panic=-1 "
    "cma=0 mitigations=off init_on_alloc=0 rodata=off cryptomgr.notests=1"
)


class Guest(CommandLoop):
    """A guest that was started. Its commands run one after the other, over its console.

    `memory` is in MiB; `requirements` are those of the vTPM's CREATE (vtpm_abi.h). `arguments` are added to the
    kernel's. `initrd` is a file on the host.
    """

    def __init__(
        self,
        host: Machine,
        *,
        vtpm: bool = True,
        requirements: int = 0,
        memory: int = 192,
        cpus: int = 1,
        arguments: str = "",
        initrd: str = INITRD,
    ) -> None:
        words = ["vmm", "--kernel", KERNEL, "--initrd", initrd, "--append", f"{ARGUMENTS} {arguments}".rstrip()]
        words += ["--memory", str(memory), "--cpus", str(cpus)]
        if vtpm:
            words += ["--vtpm", "--requirements", str(requirements)]
        self.process = host.start(f"exec {shlex.join(words)}")
        """The VMM, as the host runs it."""
        super().__init__(f"a guest of {host}", self.process)

    def stop(self, signal: str = "TERM") -> None:
        """End the VMM by a signal, and with it the guest."""
        self.process.stop(signal)
