"""The error tree: whose fault it is decides the branch, and the branch decides verdict and exit code.

- `InfrastructureError`: the board, the emulator or the lab failed. Says nothing about the firmware.
- `FirmwareError`: the firmware under test broke a promise. A finding.
- `UsageError`: the user asked for something impossible, or something on this machine is missing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "BoardBroken",
    "BoardDied",
    "BoardFileError",
    "BoardSilent",
    "BoardUnavailable",
    "BoardUnreachable",
    "BootHang",
    "CommandFailed",
    "CommandTimeout",
    "ConsoleClosed",
    "ConsoleInterrupted",
    "ConsoleTimeout",
    "Context",
    "EmulatorControlError",
    "ExitCode",
    "ExpectTimeout",
    "FirmwareError",
    "FirmwareHang",
    "FlashError",
    "HilError",
    "InfrastructureError",
    "MissingTool",
    "Panic",
    "PortInUse",
    "PowerFailed",
    "RecordFailed",
    "RunnerDied",
    "UnexpectedPowerOff",
    "UnexpectedReboot",
    "UsageError",
]


class ExitCode(IntEnum):
    """What `hil` returns to the shell. The worst thing that happened wins, in the order 3, 2, 1, 0."""

    PASSED = 0
    FINDINGS = 1
    USAGE = 2
    INFRASTRUCTURE = 3


@dataclass(frozen=True, slots=True)
class Context:
    """Where an error happened."""

    doing: str = ""
    board: str = ""
    stage: str = ""
    console: tuple[str, ...] = ()
    hint: str = ""


class HilError(Exception):
    """Base of all errors of this project: one sentence of what happened, and the context it happened in."""

    exit_code: ExitCode = ExitCode.FINDINGS
    fault: str = ""

    def __init__(
        self,
        message: str,
        *,
        doing: str = "",
        board: str = "",
        stage: str = "",
        console: Sequence[str] = (),
        hint: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.context = Context(doing, board, stage, tuple(console), hint)

    def within(
        self,
        *,
        doing: str = "",
        board: str = "",
        stage: str = "",
        console: Sequence[str] = (),
        hint: str = "",
    ) -> HilError:
        """Fill in what an inner layer could not know; what is already there stays. Returns the same error."""
        now = self.context
        self.context = replace(
            now,
            doing=now.doing or doing,
            board=now.board or board,
            stage=now.stage or stage,
            console=now.console or tuple(console),
            hint=now.hint or hint,
        )
        return self

    def __str__(self) -> str:
        now = self.context
        lines = [self.message]
        lines += [f"  {name}: {value}" for name, value in (("while", now.doing), ("board", now.board)) if value]
        if now.stage:
            lines.append(f"  stage: {now.stage}")
        if now.console:
            lines.append("  last console lines:")
            lines += [f"    | {line}" for line in now.console]
        if now.hint:
            lines.append(f"  try: {now.hint}")
        return "\n".join(lines)


class InfrastructureError(HilError):
    """The board or the lab failed; nothing is known about the firmware. Try again, or repair the board."""

    exit_code = ExitCode.INFRASTRUCTURE
    fault = "infrastructure"


class BoardDied(InfrastructureError):
    """The emulator exited, or the board's power or debug connection is gone."""


class RunnerDied(InfrastructureError):
    """The process that drives a board ended before it was done."""


class BoardBroken(InfrastructureError):
    """The board failed earlier in this run and was taken out; the message quotes that first failure."""


class BoardUnreachable(InfrastructureError):
    """Something that the board file names is not there: an adapter, a power switch, a place in the lab."""


class PortInUse(BoardUnreachable):
    """Another program has a serial port of the board open; the message names it. The board was not touched."""


class PowerFailed(InfrastructureError):
    """The power switch does not do as it is told, or switches something else."""


class BoardUnavailable(InfrastructureError):
    """None of the boards that would do can be had; the message says why, board by board."""


class WrongFirmware(InfrastructureError):
    """The board announces another build than its images are of, so whatever it does says nothing about them."""


class BoardSilent(InfrastructureError):
    """Nothing at all came from the board: check power, cable and serial port."""


class ConsoleClosed(InfrastructureError):
    """A serial line was closed by the other side."""


class ConsoleInterrupted(InfrastructureError):
    """A serial line was away for a while; what the board said meanwhile is lost, and with it the reason to judge it."""


class ConsoleTimeout(InfrastructureError):
    """A line that should have carried an answer stayed quiet until the deadline."""


class EmulatorControlError(InfrastructureError):
    """The emulator's control connection (QMP) did not answer in time, or answered with an error."""


class FlashError(InfrastructureError):
    """An image could not be written, or did not read back as written. The board is dirty until flashed well."""


class ToolFailed(InfrastructureError):
    """A program that we ran returned another status than 0; the console lines are the last that it wrote."""

    @property
    def said(self) -> str:
        """The last lines that the program wrote, for an error that knows better what they mean."""
        return "\n".join(self.context.console)


class ToolTimeout(InfrastructureError):
    """A program that we ran did not finish in time and was killed: it, the machine or what it talks to is stuck."""


class RecordFailed(InfrastructureError):
    """The record of a run cannot be written any more; what is not recorded has not happened, so the run ends."""


class FirmwareError(HilError):
    """The firmware broke a promise."""

    exit_code = ExitCode.FINDINGS
    fault = "firmware"


class Panic(FirmwareError):
    """The firmware reported an unrecoverable error of its own; `dump` is all that it said then and shortly before."""

    dump: tuple[str, ...] = ()


class BootHang(FirmwareError):
    """The boot reached one stage and never the next."""


class FirmwareHang(FirmwareError):
    """The firmware gives no answer, on a machine that is known to run and over a line that loses nothing."""


class ExpectTimeout(FirmwareError):
    """Text that a test waits for did not come on a console in time."""


class CommandFailed(FirmwareError):
    """A command on the target ended with a status other than 0."""


class CommandTimeout(FirmwareError):
    """A command on the target did not end in time, although the way to it works."""


class UnexpectedReboot(FirmwareError):
    """A banner of an earlier stage appeared again."""


class UnexpectedPowerOff(FirmwareError):
    """The firmware switched the board off, which nobody had asked for."""


class UsageError(HilError):
    """The user asked for something impossible; the message says what is possible."""

    exit_code = ExitCode.USAGE
    fault = "usage"


class BoardFileError(UsageError):
    """A board file is malformed; the message names file and key."""


class MissingTool(UsageError):
    """A program or package that is needed is not on this machine; `hil doctor` says how to get it."""
