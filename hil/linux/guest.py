"""Guests of a Linux host: an unmodified kernel in a VM of its own, with or without vTPMs."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.deadline import Deadline
from hil.errors import InfrastructureError
from hil.linux.commandloop import CommandLoop, GuestEnded

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from hil.linux.machine import Machine

KERNEL = "/guest/Image"
INITRD = "/guest/initrd"
ARGUMENTS = (
    "earlycon=pl011,0x09000000 keep_bootcon quiet efi=noruntime panic=-1 "
    "cma=0 mitigations=off init_on_alloc=0 rodata=off cryptomgr.notests=1"
)
DIRECTORY = "/run/guest"
"""Where the VMM keeps the files of each guest, in a directory of the guest's name."""
ENDING_SECONDS = 60.0
RESTARTED = 2
"""The exit status of the VMM after a restart by the guest."""
TAKEN = 3
"""The exit status of `vmm --attach` after somebody else has attached to the console."""
_PANIC = "Kernel panic - not syncing"
_LOG_BYTES = 4096
_LOG_LINES = 200
_numbers = itertools.count(1)


class GuestRestarted(GuestEnded):
    """The guest asked for a restart."""


class GuestPanic(GuestEnded):
    """The guest's kernel panicked."""


class GuestTaken(InfrastructureError):
    """Somebody else has attached to the guest's console."""


@dataclass(frozen=True, slots=True)
class WantedVtpm:
    """The arguments of CREATE (vtpm_abi.h) for a guest's vTPM."""

    requirements: int = 0
    slots: int = 1


class Guest(CommandLoop):
    """A guest of a host, by its name. It takes commands over its console, one after the other.

    The guest outlives this object and the connection to the host. Another object for the same name attaches to the
    console and takes it over.
    """

    def __init__(self, host: Machine, name: str) -> None:
        self.host = host
        self.process = host.start(["vmm", "--attach", name])
        """The process that carries the console. It exits with the status of the VMM."""
        super().__init__(name, self.process)

    @classmethod
    def start(
        cls,
        host: Machine,
        name: str = "",
        *,
        vtpms: Sequence[WantedVtpm] = (WantedVtpm(),),
        uuid: UUID | None = None,
        memory: int = 192,
        cpus: int = 1,
        arguments: str = "",
        initrd: str = INITRD,
    ) -> Guest:
        """Start a guest, under a new name if none is given. Raises `CommandFailed` with the output of the VMM.

        `memory` is in MiB. The guest's kernel drives the first of the `vtpms`; persistent ones need a `uuid`, by which
        the VM finds them again at its next start. `arguments` are added to the kernel's. `initrd` is a file on the
        host.
        """
        name = name or f"guest-{next(_numbers)}"
        words = ["vmm", "--name", name, "--kernel", KERNEL, "--initrd", initrd]
        words += ["--append", f"{ARGUMENTS} {arguments}".rstrip(), "--memory", str(memory), "--cpus", str(cpus)]
        words += [f"--vtpm={wanted.requirements:#x},{wanted.slots}" for wanted in vtpms]
        words += ["--uuid", str(uuid)] if uuid else []
        host.run(words)
        return cls(host, name)

    @classmethod
    def running(cls, host: Machine, name: str) -> Guest | None:
        """Attach to the guest of this name, if it runs."""
        runs = host.run(f"kill -0 $(cat {DIRECTORY}/{name}/pid)", check=False).status == 0
        return cls(host, name) if runs else None

    def last_words(self) -> tuple[str, ...]:
        """Return the last lines of the guest's kernel and the VMM."""
        said = self.host.run(f"tail -c {_LOG_BYTES} {DIRECTORY}/{self.name}/log", check=False)
        return tuple(said.lines)

    @property
    def pid(self) -> int:
        """The id of the VMM's process on the host."""
        return int(self.host.run(["cat", f"{DIRECTORY}/{self.name}/pid"]).text)

    def signal(self, name: str) -> None:
        """Send the VMM a signal, such as `KILL`."""
        self.host.run(["kill", f"-{name}", str(self.pid)])

    def wait_ended(self) -> int:
        """Wait for the end of the VMM, and return its status as a shell reports it."""
        status: int = self.process.wait(Deadline.after(ENDING_SECONDS)).status
        return status

    def stop(self) -> None:
        """End the VMM, and with it the guest, unless it has ended already."""
        self.host.run(["vmm", "--stop", self.name], deadline=Deadline.after(ENDING_SECONDS))

    def detach(self) -> None:
        """Detach from the console; the guest keeps running."""
        self.process.stop()

    def _describe_host(self) -> str:
        states = self.host.run(f"cat /proc/{self.pid}/task/*/status", check=False).lines
        threads = ", ".join(line.partition("(")[2].rstrip(")") for line in states if line.startswith("State:"))
        return f"the threads of its VMM: {threads}"

    def _ended(self) -> GuestEnded | GuestTaken:
        """Return the error for the end of the console: the guest ended, or somebody else took the console."""
        status, said = self.wait_ended(), self.process.tail(_LOG_LINES)
        if status == TAKEN:
            return GuestTaken(f"somebody else has taken the console of {self}", hint="a console has one user at a time")
        panic = next((line for line in said if _PANIC in line), "")
        if panic:
            return GuestPanic(f"the kernel of {self} panicked: {panic}", console=said)
        if status == RESTARTED:
            return GuestRestarted(f"{self} asked for a restart", console=said)
        return GuestEnded(f"{self} ended, and its VMM with status {status}", console=said)

    def __str__(self) -> str:
        return f"guest {self.name} of {self.host}"
