"""A VM of KVM with our agents in it: a VMM process on the host that takes the same requests as the monitor."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from hil.deadline import Deadline
from hil.errors import ConsoleClosed
from hil.linux.commandloop import GuestEnded
from hil.target.monitor import Agent
from hil.target.monitor import abi as agent_abi
from hil.target.monitor.link import Link
from hil.target.monitor.vm import TAKEN_BYTES
from hil.target.vtpm import Status
from hil.target.vtpm.reply import ServiceError

if TYPE_CHECKING:
    from hil.board.ssh import Process
    from hil.errors import HilError
    from hil.linux.machine import Machine

IMAGE = "/guest/agent"
LEAST_MEBIBYTES = 64
START_SECONDS = 60.0
CALL_SECONDS = 60.0
_MEBIBYTE = 1 << 20
_NUMBER = 1
"""The number of the VM in the names of its agents: a VMM has only one VM."""


class KvmVm:
    """A VM under KVM, which ends with its VMM."""

    ram_ipa = agent_abi.GUEST_RAM_IPA
    free_ipa = ram_ipa + TAKEN_BYTES
    trap_smc = True
    """KVM traps its guests' SMCs and answers all of them itself, except for doorbells, which the VMM forwards."""

    def __init__(self, host: Machine, *, ram_bytes: int, vcpus: int) -> None:
        memory = max(LEAST_MEBIBYTES, -(-ram_bytes // _MEBIBYTE))
        words = ["vmm", "--agent", IMAGE, "--memory", str(memory), "--cpus", str(vcpus)]
        self.ram_bytes = memory * _MEBIBYTE
        self.process = host.start(f"exec {shlex.join(words)}")
        """The VMM's process on the host."""
        self._link = Link(_VmmLine(self.process), "the VMM")
        self._link.greet(Deadline.after(START_SECONDS))

    def agent(self, vcpu: int = 0) -> Agent:
        """Return the agent on a vCPU."""
        return Agent(self._link, _NUMBER, vcpu)

    def destroy(self) -> None:
        """Kill the VMM, as by kill -9; its instances end with it."""
        self.process.stop()

    def ask(self, request: str, *numbers: int) -> str:
        """Make a request of the VMM that is not about an agent, and return the answer."""
        return self._link.ask(" ".join([request, *(f"{number:x}" for number in numbers)]), Deadline.after(CALL_SECONDS))

    def call(self, request: str, *numbers: int) -> list[int]:
        """Make a request about a vTPM; return the numbers behind its status. Raises `ServiceError`."""
        code, *values = (int(word, 16) for word in self.ask(request, *numbers).split())
        status = Status.from_code(code - (1 << 64) if code >> 63 else code)
        if status != Status.OK:
            raise ServiceError(request, status)
        return values


class _VmmLine:
    """The VMM's input and output. If it closes, the VM has ended: that is no fault of the line."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.name = process.name

    def send(self, data: bytes) -> None:
        try:
            self._process.send(data)
        except ConsoleClosed as error:
            raise self._ended() from error

    def receive(self, deadline: Deadline) -> bytes:
        try:
            return self._process.receive(deadline)
        except ConsoleClosed as error:
            raise self._ended() from error

    def tail(self, lines: int = 20) -> tuple[str, ...]:
        return self._process.tail(lines)

    def silence(self) -> HilError | None:
        return None

    def _ended(self) -> GuestEnded:
        return GuestEnded("the VM ended", doing="talking to its agents", console=self.tail())
