"""Replies of the service to calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.errors import FirmwareError
from hil.target.vtpm.abi import Status, call_name

if TYPE_CHECKING:
    from collections.abc import Sequence


class ServiceError(FirmwareError):
    """The service refused a call. `status` is its code: a plain number if the ABI does not define it."""

    def __init__(self, call: str, status: Status | int) -> None:
        if isinstance(status, Status):
            meaning = f": {status.meaning}" if status.meaning else ""
            text = f"{call} answered {status.name} ({int(status)}){meaning}"
        else:
            text = f"{call} answered {status}, a code that the ABI does not define"
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, slots=True)
class Reply:
    """The reply to a call: the call's name, its status, and the registers x1 to x7 after it."""

    call: str
    status: Status | int
    values: tuple[int, ...]

    @classmethod
    def from_registers(cls, fid: int, registers: Sequence[int]) -> Reply:
        """Decode the registers x0 to x7 (unsigned 64-bit) after the call `fid`."""
        signed = registers[0] - (1 << 64) if registers[0] >> 63 else registers[0]
        return cls(call_name(fid), Status.from_code(signed), tuple(registers[1:8]))

    def require(self) -> tuple[int, ...]:
        """Return x1 to x7 if the call succeeded. Raises `ServiceError` otherwise."""
        if self.status != Status.OK:
            raise ServiceError(self.call, self.status)
        return self.values
