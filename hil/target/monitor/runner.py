"""Running programs on one agent, and the few programs that everybody needs: call, read, write."""

from __future__ import annotations

import binascii
import math
from typing import TYPE_CHECKING

from hil.deadline import Deadline
from hil.target.monitor import abi
from hil.target.monitor.outcome import Outcome, SmcResult
from hil.target.monitor.program import Program, r

if TYPE_CHECKING:
    from hil.target.monitor.link import Link

USUAL = 30.0
"""Seconds that a request may take when nothing else is said."""

# A deadline is the program's. The board reports within half a second what is late, and within three more what does not
# leave its guest; the line gets the rest.
_ANSWER = 5.0
_CONDUIT_REGISTERS = 31


class Pending:
    """A program that is running. Its outcome must be fetched before the agent can run another."""

    def __init__(self, link: Link, agent: str, deadline: Deadline) -> None:
        self._link = link
        self._agent = agent
        self._deadline = deadline

    def wait(self, deadline: Deadline | None = None) -> Outcome:
        """Return the outcome, at the latest when the program's deadline, or this one if it is later, has passed."""
        remaining = max(self._deadline.remaining, deadline.remaining if deadline else 0.0)
        answer = self._link.ask(f"wait {self._agent}", Deadline.after(remaining + _ANSWER))
        return Outcome.parse(binascii.a2b_base64(answer))


class Runner:
    """One agent: an interpreter at EL2 or EL1."""

    def __init__(self, link: Link, agent: str) -> None:
        self._link = link
        self._agent = agent

    def run(self, program: Program, deadline: Deadline | None = None) -> Outcome:
        """Run a program to its end, or to its deadline. The outcome says how it ended; see `Outcome.require`."""
        deadline = deadline or Deadline.after(USUAL)
        answer = self._link.ask(f"run {self._request(program, deadline)}", _answer_by(deadline))
        return Outcome.parse(binascii.a2b_base64(answer))

    def start(self, program: Program, deadline: Deadline | None = None) -> Pending:
        """Start a program and return at once; two agents that were started run at the same time."""
        deadline = deadline or Deadline.after(USUAL)
        self._link.ask(f"start {self._request(program, deadline)}", _answer_by(deadline))
        return Pending(self._link, self._agent, deadline)

    def smc(self, fid: int, *args: int, deadline: Deadline | None = None) -> SmcResult:
        """Call EL3 with x0 = `fid` and x1... = `args`; all other registers are zero. Raises `TargetFault`."""
        program = Program()
        for register, value in zip(r, (fid, *args), strict=False):
            program.set(register, value)
        program.smc()
        program.halt()
        program.want(r[:_CONDUIT_REGISTERS])
        outcome = self.run(program, deadline).require(f"calling {fid:#x} from {self._agent}")
        return SmcResult(outcome.r[:_CONDUIT_REGISTERS])

    def read(self, address: int, length: int) -> bytes:
        """Read memory, in accesses as wide as address and length allow, at most 8 bytes. Raises `TargetFault`."""
        data = b""
        while len(data) < length:
            here, size = address + len(data), min(length - len(data), abi.AGENT_DATA_BYTES)
            program = Program()
            program.data(r[0])
            program.set(r[1], here)
            program.copy(r[0], r[1], size, size=_width(here, size))
            program.halt()
            program.want((), size=size)
            data += self.run(program).require(f"reading {size} bytes at {here:#x} from {self._agent}").data
        return data

    def write(self, address: int, data: bytes) -> None:
        """Write memory, in accesses as wide as address and length allow, at most 8 bytes. Raises `TargetFault`."""
        for at in range(0, len(data), abi.AGENT_DATA_BYTES):
            here, piece = address + at, data[at : at + abi.AGENT_DATA_BYTES]
            program = Program()
            program.put(piece)
            program.data(r[1])
            program.set(r[0], here)
            program.copy(r[0], r[1], len(piece), size=_width(here, len(piece)))
            program.halt()
            program.want(())
            self.run(program).require(f"writing {len(piece)} bytes at {here:#x} from {self._agent}")

    def _request(self, program: Program, deadline: Deadline) -> str:
        microseconds = math.ceil(deadline.remaining * 1e6)
        wanted = program.wanted
        length = abi.AGENT_REGISTERS if wanted.length is None else wanted.length.index
        return (
            f"{self._agent} {microseconds:x} {wanted.offset:x} {wanted.size:x} {length:x} {wanted.mask:x} "
            f"{_base64(program.assemble())} {_base64(program.uploaded)}"
        )


def _answer_by(deadline: Deadline) -> Deadline:
    return Deadline.after(deadline.remaining + _ANSWER)


def _base64(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).decode("ascii") or "-"


def _width(address: int, length: int) -> int:
    return next(width for width in (8, 4, 2, 1) if address % width == 0 and length >= width)
