"""Runs programs on one agent, among them the most common ones: call, read, write."""

from __future__ import annotations

import binascii
import math
import struct
from typing import TYPE_CHECKING

from hil.account import MemoryAccess, ProgramRun, ServiceCall, telling
from hil.deadline import Deadline
from hil.errors import FirmwareError
from hil.target.monitor import abi
from hil.target.monitor.outcome import ProgramOutcome, SmcResult
from hil.target.monitor.program import Program, r

if TYPE_CHECKING:
    from hil.target.monitor.link import Link

USUAL = 30.0
"""Seconds that a request may take by default."""

# The deadline is the program's; the answer may come later. The monitor needs half a second to report a program that is
# late, and three more to stop a guest that does not return. The rest is for the line.
_ANSWER = 5.0
_CONDUIT_REGISTERS = 31


class Pending:
    """A running program. Its outcome must be fetched before the agent can run another program."""

    def __init__(self, link: Link, agent: str, deadline: Deadline, instructions: int) -> None:
        self._link = link
        self._agent = agent
        self._deadline = deadline
        self._instructions = instructions

    def wait(self, deadline: Deadline | None = None) -> ProgramOutcome:
        """Return the outcome. Waits until the program's deadline, or until `deadline` if that is later."""
        remaining = max(self._deadline.remaining, deadline.remaining if deadline else 0.0)
        with telling(ProgramRun(self._agent, self._instructions)) as told:
            answer = self._link.ask(f"wait {self._agent}", Deadline.after(remaining + _ANSWER))
            outcome = _outcome(answer)
            told.ended, told.fault = _in_words(outcome)
        return outcome


class Runner:
    """An agent: an interpreter at EL2 or EL1 that runs programs."""

    def __init__(self, link: Link, agent: str) -> None:
        self._link = link
        self._agent = agent

    def __str__(self) -> str:
        return agent_in_words(self._agent)

    def __repr__(self) -> str:
        return f"<agent: {self}>"

    def run(self, program: Program, deadline: Deadline | None = None) -> ProgramOutcome:
        """Run a program until it ends or its deadline passes. The outcome says which; see `ProgramOutcome.require`."""
        deadline = deadline or Deadline.after(USUAL)
        with telling(ProgramRun(self._agent, len(program))) as told:
            answer = self._link.ask(f"run {self._request(program, deadline)}", _answer_by(deadline))
            outcome = _outcome(answer)
            told.ended, told.fault = _in_words(outcome)
        return outcome

    def start(self, program: Program, deadline: Deadline | None = None) -> Pending:
        """Start a program and return at once, so that programs of several agents can run in parallel."""
        deadline = deadline or Deadline.after(USUAL)
        self._link.ask(f"start {self._request(program, deadline)}", _answer_by(deadline))
        return Pending(self._link, self._agent, deadline, len(program))

    def smc(self, fid: int, *args: int, deadline: Deadline | None = None) -> SmcResult:
        """Make an SMC with x0 = `fid` and x1... = `args`; all other registers are zero. Raises `TargetFault`."""
        program = Program()
        for register, value in zip(r, (fid, *args), strict=False):
            program.set(register, value)
        program.smc()
        program.halt()
        program.want(r[:_CONDUIT_REGISTERS])
        with telling(ServiceCall(self._agent, fid, args)) as told:
            outcome = self.run(program, deadline).require(f"calling {fid:#x} from {self}")
            result = SmcResult(outcome.r[:_CONDUIT_REGISTERS])
            told.registers = result.x
        return result

    def read(self, address: int, length: int) -> bytes:
        """Read memory with the widest accesses, up to 8 bytes, that address and length allow. Raises `TargetFault`."""
        data = b""
        with telling(MemoryAccess(self._agent, "read", address, length)) as told:
            while len(data) < length:
                here, size = address + len(data), min(length - len(data), abi.AGENT_DATA_BYTES)
                program = Program()
                program.data(r[0])
                program.set(r[1], here)
                program.copy(r[0], r[1], size, size=_width(here, size))
                program.halt()
                program.want((), size=size)
                data += self.run(program).require(f"reading {size} bytes at {here:#x} from {self}").data
            told.data = data
        return data

    def write(self, address: int, data: bytes) -> None:
        """Write memory with the widest accesses, up to 8 bytes, that address and length allow. Raises `TargetFault`."""
        with telling(MemoryAccess(self._agent, "write", address, len(data), data)):
            for at in range(0, len(data), abi.AGENT_DATA_BYTES):
                here, piece = address + at, data[at : at + abi.AGENT_DATA_BYTES]
                program = Program()
                program.put(piece)
                program.data(r[1])
                program.set(r[0], here)
                program.copy(r[0], r[1], len(piece), size=_width(here, len(piece)))
                program.halt()
                program.want(())
                self.run(program).require(f"writing {len(piece)} bytes at {here:#x} from {self}")

    def _request(self, program: Program, deadline: Deadline) -> str:
        microseconds = math.ceil(deadline.remaining * 1e6)
        wanted = program.wanted
        length = abi.AGENT_REGISTERS if wanted.length is None else wanted.length.index
        return (
            f"{self._agent} {microseconds:x} {wanted.offset:x} {wanted.size:x} {length:x} {wanted.mask:x} "
            f"{_base64(program.assemble())} {_base64(program.uploaded)}"
        )


def agent_in_words(agent: str) -> str:
    """Return an agent by what it runs on: `m0` is EL2 on CPU 0, `2.1` is vCPU 1 of VM 2; others keep their names."""
    if agent[:1] == "m" and agent[1:].isalnum():
        return f"EL2 CPU {int(agent[1:], 16)}"
    vm, dot, vcpu = agent.partition(".")
    return f"VM {int(vm, 16)} vCPU {int(vcpu, 16)}" if dot else agent


def _outcome(answer: str) -> ProgramOutcome:
    try:
        return ProgramOutcome.parse(binascii.a2b_base64(answer))
    except (binascii.Error, struct.error) as error:
        raise FirmwareError(f"the monitor's answer is no outcome of a program: {answer[:60]!r}") from error


def _in_words(outcome: ProgramOutcome) -> tuple[str, str]:
    """Return how a program ended, and the exception that it caused, if any."""
    code = f" with code {outcome.code}" if outcome.code else ""
    ended = f"{outcome.ended.name.lower()}{code} at instruction {outcome.pc}, after {outcome.steps} steps"
    return ended, str(outcome.fault) if outcome.fault else ""


def _answer_by(deadline: Deadline) -> Deadline:
    return Deadline.after(deadline.remaining + _ANSWER)


def _base64(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).decode("ascii") or "-"


def _width(address: int, length: int) -> int:
    return next(width for width in (8, 4, 2, 1) if address % width == 0 and length >= width)
