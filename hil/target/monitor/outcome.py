"""The outcome of a program: how it ended, and the values that it returned."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

from hil.errors import FirmwareError, UsageError
from hil.target.crash.syndrome import describe
from hil.target.monitor import abi

_HEAD = struct.Struct("<IIIIQ")
_FAULT = struct.Struct("<7Q")


class ProgramEnd(IntEnum):
    """How a program ended: `AGENT_*` of `agent_abi.h`."""

    HALTED = abi.AGENT_HALTED
    FAULTED = abi.AGENT_FAULTED
    DEADLINE = abi.AGENT_DEADLINE
    BAD = abi.AGENT_BAD
    STOPPED = abi.AGENT_STOPPED
    STUCK = abi.AGENT_STUCK


@dataclass(frozen=True, slots=True)
class FaultReport:
    """An exception that a program caused: syndrome, return address, fault address, and the level that took it.

    In a guest, `el` 2 means a stage-2 abort, or another exception that the hypervisor took; `ipa` then is the guest
    physical page. `count` is the number of faults since the program started.
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
    """An access or a call on the target caused an exception. The target reported `esr`, `elr`, `far` and `el`."""

    def __init__(self, fault: FaultReport, *, doing: str = "", pc: int = 0) -> None:
        super().__init__(f"{fault}, at instruction {pc} of the program", doing=doing)
        self.taken = fault
        self.esr = fault.esr
        self.elr = fault.elr
        self.far = fault.far
        self.el = fault.el


class RanTooLong(FirmwareError):
    """A program did not end in time. `outcome` says which instruction it had reached."""

    def __init__(self, outcome: ProgramOutcome, *, doing: str = "") -> None:
        place = f" at PC {outcome.fault.elr:#x}" if outcome.fault else ""
        message, hint = {
            ProgramEnd.STOPPED: (
                f"the guest hangs: it did not return to its agent in time, and was stopped{place}",
                "check the last instruction: code that loops, or page tables that no longer map the agent",
            ),
            ProgramEnd.STUCK: (
                "EL3 hangs: a call did not return in time, and cannot be stopped",
                "check the last call; `hil bringup` and the record say where the processors are",
            ),
        }.get(
            outcome.ended,
            (f"the program ran out of time at its instruction {outcome.pc}", "check its loops, or give it more time"),
        )
        super().__init__(message, doing=doing, hint=hint)
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class SmcResult:
    """The registers x0 to x30 after a call, unsigned."""

    registers: tuple[int, ...]

    @property
    def x(self) -> tuple[int, ...]:
        """The registers x0 to x17, which SMCCC uses for arguments and results."""
        return self.registers[:18]


@dataclass(frozen=True, slots=True)
class ProgramOutcome:
    """What a program returned. Registers that it did not return read as zero; `pc` is an index into the program."""

    ended: ProgramEnd
    code: int
    pc: int
    steps: int
    fault: FaultReport | None
    r: tuple[int, ...]
    data: bytes

    @classmethod
    def parse(cls, blob: bytes) -> ProgramOutcome:
        """Parse an outcome sent by the monitor. Raises `FirmwareError` for one that no interpreter writes."""
        ended, code, pc, mask, steps = _HEAD.unpack_from(blob)
        at = _HEAD.size
        fault = None
        if ended & abi.AGENT_FAULT_FOLLOWS:
            fault = FaultReport(*_FAULT.unpack_from(blob, at))
            at += _FAULT.size
        registers = [0] * abi.AGENT_REGISTERS
        for index in range(abi.AGENT_REGISTERS):
            if mask >> index & 1:
                registers[index] = int.from_bytes(blob[at : at + 8], "little")
                at += 8
        return cls(_ended(ended & ~abi.AGENT_FAULT_FOLLOWS), code, pc, steps, fault, tuple(registers), blob[at:])

    def require(self, doing: str = "") -> ProgramOutcome:
        """Return this outcome if the program halted; raise `TargetFault`, `RanTooLong` or `UsageError` otherwise."""
        match self.ended:
            case ProgramEnd.HALTED:
                return self
            case ProgramEnd.FAULTED if self.fault is not None:
                raise TargetFault(self.fault, doing=doing, pc=self.pc)
            case ProgramEnd.BAD:
                raise UsageError(
                    f"instruction {self.pc} of the program is malformed, or past its end",
                    doing=doing,
                    hint="end every path with halt(); map and unmap exist at EL1 only and need page-aligned ranges",
                )
            case _:
                raise RanTooLong(self, doing=doing)


def _ended(number: int) -> ProgramEnd:
    try:
        return ProgramEnd(number)
    except ValueError:
        raise FirmwareError(
            f"the agent's mailbox says that the program ended with {number}, which is not a known value",
            doing="reading the outcome of a program",
            hint="something wrote to the agent's memory: the program itself, another vCPU, or the firmware",
        ) from None
