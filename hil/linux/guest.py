"""Guests of a Linux host: an unmodified kernel in a VM of its own, with a vTPM or without."""

from __future__ import annotations

import base64
import shlex
from typing import TYPE_CHECKING

from labgrid.step import step

from hil.deadline import Deadline
from hil.errors import ConsoleClosed, ConsoleTimeout, FirmwareError
from hil.ssh.errors import CommandTimeout
from hil.ssh.process import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.linux.machine import Machine

KERNEL = "/guest/Image"
INITRD = "/guest/initrd"
ARGUMENTS = (
    "earlycon=pl011,0x09000000 keep_bootcon quiet efi=noruntime panic=-1 "
    "cma=0 mitigations=off init_on_alloc=0 rodata=off cryptomgr.notests=1"
)
READY_SECONDS = 90.0
COMMAND_SECONDS = 60.0
_READY = b"guest: ready"


class GuestEnded(FirmwareError):
    """The guest, or the VMM that ran it, is no more."""


class Guest:
    """A guest that was started. Its commands run one after the other, over its console.

    `memory` is in MiB; `requirements` are those of the vTPM's CREATE (vtpm_abi.h). `arguments` are added to the
    kernel's.
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
    ) -> None:
        words = ["vmm", "--kernel", KERNEL, "--initrd", INITRD, "--append", f"{ARGUMENTS} {arguments}".rstrip()]
        words += ["--memory", str(memory), "--cpus", str(cpus)]
        if vtpm:
            words += ["--vtpm", "--requirements", str(requirements)]
        self.process = host.start(f"exec {shlex.join(words)}")
        """The VMM, as the host runs it."""
        self.name = f"a guest of {host}"
        self._said = b""
        self._commands = 0

    @step()  # type: ignore[untyped-decorator]
    def wait_ready(self, deadline: Deadline | None = None) -> None:
        """Wait until the guest takes commands. Raises `GuestEnded`, and `ConsoleTimeout` with what its kernel said."""
        self._await(_READY, deadline or Deadline.after(READY_SECONDS))

    @step(args=["command"])  # type: ignore[untyped-decorator]
    def run(
        self, command: str | Sequence[str], *, stdin: bytes = b"", check: bool = True, deadline: Deadline | None = None
    ) -> Result:
        """Run a command to its end, with `stdin` as its whole input; as `Machine.run` does it.

        Raises `CommandFailed` for another status than 0 if `check`, `CommandTimeout`, and `GuestEnded`. After a
        timeout the guest takes no further command before this one has ended.
        """
        line = command if isinstance(command, str) else shlex.join(command)
        self._commands += 1
        self.process.send(f"= {self._commands} ={_encoded(stdin)} ={_encoded(line.encode())}\n".encode())
        try:
            answer = self._await(f"guest: {self._commands} ".encode(), deadline or Deadline.after(COMMAND_SECONDS))
        except ConsoleTimeout as error:
            raise CommandTimeout(f"`{line}` did not end in the guest: {error.message}") from error
        status, output, errors = answer.split()[2:5]
        result = Result(line, _decoded(output), _decoded(errors), int(status))
        return result.check() if check else result

    def stop(self, signal: str = "TERM") -> None:
        """End the VMM by a signal, and with it the guest."""
        self.process.stop(signal)

    def _await(self, start: bytes, deadline: Deadline) -> bytes:
        """Return the next line that starts like this; what comes before it is dropped."""
        while True:
            line, newline, rest = self._said.partition(b"\n")
            if newline:
                self._said = rest
                if line.startswith(start):
                    return line
                continue
            try:
                self._said += self.process.receive(deadline)
            except ConsoleClosed as error:
                raise GuestEnded(
                    "the guest ended", doing=f"waiting for `{start.decode()}`", console=self.process.tail()
                ) from error

    def __str__(self) -> str:
        return self.name


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _decoded(field: bytes) -> bytes:
    return base64.b64decode(field.removeprefix(b"="))
