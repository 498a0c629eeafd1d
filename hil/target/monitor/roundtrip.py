"""The program that sends one TPM command through a queue: copy in, submit, ring the doorbell, copy out.

The board runs all of it for one request, because a request over the serial line for each step would take many times as
long.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.errors import FirmwareError
from hil.headers import firmware_header, read_defines
from hil.target.monitor import a64
from hil.target.monitor.program import Program, r

if TYPE_CHECKING:
    from hil.target.monitor.outcome import ProgramOutcome

_ABI = read_defines(firmware_header("service/include/vtpm_abi.h"))
_HEAD = _ABI["VTPM_RING_HEAD"]
_SUBMITTED = _ABI["VTPM_SLOT_SUBMITTED"]
_ANSWERED = (_ABI["VTPM_SLOT_DONE"], _ABI["VTPM_SLOT_REFUSED"])
_SLOT_BYTES = _ABI["VTPM_SLOT_BYTES"]

# x1-x17 stay zero: the doorbell takes no arguments.
_STATUS, _QUEUE, _BUFFER, _DATA, _ENTRY, _STATE, _LENGTH, _NEXT = r[0], *r[18:25]


class DoorbellRefused(FirmwareError):
    """EL3 refused the doorbell. `status` is the signed number in x0."""

    def __init__(self, fid: int, status: int) -> None:
        super().__init__(f"the doorbell {fid:#x} returned {status}", doing="ringing for a TPM command")
        self.status = status


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """A program that sends a TPM command, and the function that reads its outcome."""

    program: Program
    doorbell_fid: int

    def response(self, outcome: ProgramOutcome) -> bytes:
        """Return the response that was in the slot after the doorbell returned."""
        status = outcome.r[_STATUS.index]
        if status:
            raise DoorbellRefused(self.doorbell_fid, status - (1 << 64) if status >> 63 else status)
        state, length = outcome.r[_STATE.index], outcome.r[_LENGTH.index]
        if state not in _ANSWERED or not 0 < length <= _SLOT_BYTES:
            raise FirmwareError(
                f"the doorbell succeeded, but the slot is in state {state} with {length} bytes",
                doing="reading a TPM response",
            )
        return outcome.data


def round_trip(queue_va: int, doorbell_fid: int, command: bytes, slot: int) -> RoundTrip:
    """Return the program that sends `command` through `slot` of the queue at `queue_va`."""
    program = Program()
    program.put(command)
    program.set(_QUEUE, queue_va)
    program.set(_BUFFER, queue_va + _ABI["VTPM_PAGE_BYTES"] + slot * _SLOT_BYTES)
    program.data(_DATA)
    program.copy(_BUFFER, _DATA, len(command))
    program.set(_ENTRY, queue_va + _ABI["VTPM_RING_ENTRIES"] + slot * _ABI["VTPM_RING_ENTRY_BYTES"])
    program.set(_STATE, _SUBMITTED)
    program.store(_STATE, _ENTRY, _ABI["VTPM_ENTRY_STATE"], size=4)
    program.set(_LENGTH, len(command))
    program.store(_LENGTH, _ENTRY, _ABI["VTPM_ENTRY_LENGTH"], size=4)
    program.load(_NEXT, _QUEUE, _HEAD, size=4)
    program.add(_NEXT, _NEXT, 1)
    program.barrier(a64.DMB_SY)
    program.store(_NEXT, _QUEUE, _HEAD, size=4)
    program.set(_STATUS, doorbell_fid)
    program.smc()
    program.branch(_STATUS, "!=", 0, "refused")
    program.barrier(a64.DMB_SY)
    program.load(_STATE, _ENTRY, _ABI["VTPM_ENTRY_STATE"], size=4)
    program.load(_LENGTH, _ENTRY, _ABI["VTPM_ENTRY_LENGTH"], size=4)
    program.branch(_LENGTH, ">=", _SLOT_BYTES + 1, "done")
    program.copy(_DATA, _BUFFER, _LENGTH)
    program.jump("done")
    program.label("refused")
    program.set(_LENGTH, 0)
    program.label("done")
    program.halt()
    program.want((_STATUS, _STATE, _LENGTH), size=_SLOT_BYTES, length=_LENGTH)
    return RoundTrip(program, doorbell_fid)
