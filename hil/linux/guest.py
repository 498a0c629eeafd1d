"""Guests of a Linux host: an unmodified kernel in a VM of its own, with vTPMs or without."""

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
"""Where the VMM keeps what there is of a guest, in a directory of its name."""
ENDING_SECONDS = 60.0
RESTARTED = 2
"""The VMM's status when the guest asked for a restart."""
TAKEN = 3
"""The status of `vmm --attach` when somebody else has taken the console."""
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
    """What the instance behind a guest's vTPM is created with: CREATE in vtpm_abi.h."""

    requirements: int = 0
    slots: int = 1


class Guest(CommandLoop):
    """A guest of a host, by its name. Its commands run one after the other, over its console.

    The guest outlives this object, and the connection to the host: whoever makes another one of the same name attaches
    to the console, and takes it away from others.
    """

    def __init__(self, host: Machine, name: str) -> None:
        self.host = host
        self.process = host.start(["vmm", "--attach", name])
        """What carries the console; its status is the VMM's."""
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
        """Start a guest, under a name of our choice if none is given. Raises `CommandFailed` with what the VMM says.

        `memory` is in MiB. The guest's own kernel drives the first of the `vtpms`; persistent ones need a
        `uuid`, by which the VM finds them again the next time. `arguments` are added to the kernel's. `initrd` is a
        file on the host.
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
        """Return the last lines of what the guest's kernel and the VMM said."""
        said = self.host.run(f"tail -c {_LOG_BYTES} {DIRECTORY}/{self.name}/log", check=False)
        return tuple(said.lines)

    @property
    def pid(self) -> int:
        """The VMM's process on the host."""
        return int(self.host.run(["cat", f"{DIRECTORY}/{self.name}/pid"]).text)

    def signal(self, name: str) -> None:
        """Send the VMM a signal, such as `KILL`."""
        self.host.run(["kill", f"-{name}", str(self.pid)])

    def wait_ended(self) -> int:
        """Return the VMM's status, as a shell would have it, once it has ended."""
        status: int = self.process.wait(Deadline.after(ENDING_SECONDS)).status
        return status

    def stop(self) -> None:
        """End the VMM, and with it the guest, if that has not happened yet."""
        self.host.run(["vmm", "--stop", self.name], deadline=Deadline.after(ENDING_SECONDS))

    def detach(self) -> None:
        """Let go of the console; the guest goes on."""
        self.process.stop()

    def _standing(self) -> str:
        states = self.host.run(f"cat /proc/{self.pid}/task/*/status", check=False).lines
        threads = ", ".join(line.partition("(")[2].rstrip(")") for line in states if line.startswith("State:"))
        return f"the threads of its VMM: {threads}"

    def _ended(self) -> GuestEnded | GuestTaken:
        """Return how the guest ended, as far as we are concerned."""
        status, said = self.wait_ended(), self.process.tail(_LOG_LINES)
        if status == TAKEN:
            return GuestTaken(f"somebody else has taken the console of {self}", hint="one at a time uses a console")
        panic = next((line for line in said if _PANIC in line), "")
        if panic:
            return GuestPanic(f"the kernel of {self} panicked: {panic}", console=said)
        if status == RESTARTED:
            return GuestRestarted(f"{self} asked for a restart", console=said)
        return GuestEnded(f"{self} ended, and its VMM with status {status}", console=said)

    def __str__(self) -> str:
        return f"guest {self.name} of {self.host}"
