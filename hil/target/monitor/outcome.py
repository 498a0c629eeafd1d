"""How a program ended, and what it brought back."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

from hil.errors import FirmwareError, UsageError
from hil.target.crash.syndrome import describe
from hil.target.monitor import abi

_HEAD = struct.Struct("<IIIIQ")
_FAULT = struct.Struct("<7Q")


class Ended(IntEnum):
    """How a program ended: `AGENT_*` of `agent_abi.h`."""

    HALTED = abi.AGENT_HALTED
    FAULTED = abi.AGENT_FAULTED
    DEADLINE = abi.AGENT_DEADLINE
    BAD = abi.AGENT_BAD
    STOPPED = abi.AGENT_STOPPED
    STUCK = abi.AGENT_STUCK


@dataclass(frozen=True, slots=True)
class Fault:
    """An exception: syndrome, return address, fault address, and the level that took it.

    With `el` 2 in a guest it is a stage-2 abort (or another exception that the hypervisor took), and `ipa` is the
    guest-physical page. `count` is the number of faults since the program started.
    """

    kind: int
    esr: int
    elr: int
    far: int
    ipa: int
    el: int
    count: int

    @property
    def serror(self) -> bool:
        """Whether it was an SError."""
        return self.kind == abi.AGENT_FAULT_SERROR

    def __str__(self) -> str:
        what = "SError" if self.serror else describe(self.esr)
        where = f"ESR {self.esr:#x}, ELR {self.elr:#x}, FAR {self.far:#x}"
        if self.ipa:
            where += f", IPA {self.ipa:#x}"
        return f"{what}, taken to EL{self.el} ({where})"


class TargetFault(FirmwareError):
    """An access or a call on the target took an exception. `esr`, `elr`, `far`, `el` as the target reported them."""

    def __init__(self, fault: Fault, *, doing: str = "", pc: int = 0) -> None:
        super().__init__(f"{fault}, at instruction {pc} of the program", doing=doing)
        self.taken = fault
        self.esr = fault.esr
        self.elr = fault.elr
        self.far = fault.far
        self.el = fault.el


class RanTooLong(FirmwareError):
    """A program did not end in time. `outcome` says where it was."""

    def __init__(self, outcome: Outcome, *, doing: str = "") -> None:
        place = f" at PC {outcome.fault.elr:#x}" if outcome.fault else ""
        message, hint = {
            Ended.STOPPED: (
                f"the guest hangs: it did not come back to its agent in time, and was stopped{place}",
                "what the program had it do last: a loop, or page tables without the agent in them",
            ),
            Ended.STUCK: (
                "EL3 hangs: a call did not come back in time, and cannot be stopped",
                "the call that the program made last; bring-up and records look up where the processors are",
            ),
        }.get(
            outcome.ended,
            (f"the program ran out of time at its instruction {outcome.pc}", "a loop in it, or a higher deadline"),
        )
        super().__init__(message, doing=doing, hint=hint)
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class SmcResult:
    """Registers x0 to x30 after a call, unsigned."""

    registers: tuple[int, ...]

    @property
    def x(self) -> tuple[int, ...]:
        """Registers x0 to x17, those that SMCCC lets a call use."""
        return self.registers[:18]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came back. Registers that were not wanted read as zero; `pc` is an index into the program."""

    ended: Ended
    code: int
    pc: int
    steps: int
    fault: Fault | None
    r: tuple[int, ...]
    data: bytes

    @classmethod
    def parse(cls, blob: bytes) -> Outcome:
        """Parse an outcome as the monitor sends it. Raises `FirmwareError` for one that no interpreter leaves."""
        ended, code, pc, mask, steps = _HEAD.unpack_from(blob)
        at = _HEAD.size
        fault = None
        if ended & abi.AGENT_FAULT_FOLLOWS:
            fault = Fault(*_FAULT.unpack_from(blob, at))
            at += _FAULT.size
        registers = [0] * abi.AGENT_REGISTERS
        for index in range(abi.AGENT_REGISTERS):
            if mask >> index & 1:
                registers[index] = int.from_bytes(blob[at : at + 8], "little")
                at += 8
        return cls(_ended(ended & ~abi.AGENT_FAULT_FOLLOWS), code, pc, steps, fault, tuple(registers), blob[at:])

    def require(self, doing: str = "") -> Outcome:
        """Return the outcome of a program that halted; raises `TargetFault`, `RanTooLong` or `UsageError`."""
        match self.ended:
            case Ended.HALTED:
                return self
            case Ended.FAULTED if self.fault is not None:
                raise TargetFault(self.fault, doing=doing, pc=self.pc)
            case Ended.BAD:
                raise UsageError(
                    f"instruction {self.pc} of the program is malformed, or beyond its end",
                    doing=doing,
                    hint="end every path with halt(); map and unmap exist at EL1 only and need page-aligned ranges",
                )
            case _:
                raise RanTooLong(self, doing=doing)


def _ended(number: int) -> Ended:
    try:
        return Ended(number)
    except ValueError:
        raise FirmwareError(
            f"the agent's mailbox says that the program ended with {number}, which means nothing",
            doing="reading the outcome of a program",
            hint="something wrote to the agent's memory: the program itself, another vCPU, or the firmware",
        ) from None
