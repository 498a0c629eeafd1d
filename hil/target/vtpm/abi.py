"""The constants of the service ABI: every `VTPM_*` of `vtpm_abi.h` is an attribute of this module.

They are read from the header, so that C and Python share one definition. `Status` lists the result codes once more, by
names that a type checker knows; their meanings are the header's comments.
"""

from __future__ import annotations

import re
from enum import IntEnum

from hil.headers import firmware_header, read_defines

__all__ = [
    "CONSTANTS",
    "HEADER",
    "Status",
    "call_name",
    "doorbell",
]

HEADER = firmware_header("service/include/vtpm_abi.h")
CONSTANTS = read_defines(HEADER)

_STATUS_LINE = re.compile(r"^#define VTPM_(?:E_)?(\w+) \S+ +/\* (.*?) \*/$", re.MULTILINE)


def __getattr__(name: str) -> int:
    try:
        return CONSTANTS[name]
    except KeyError:
        raise AttributeError(f"{HEADER.name} defines no {name}") from None


class Status(IntEnum):
    """The result of a call, in x0."""

    OK = CONSTANTS["VTPM_OK"]
    NOT_SUPPORTED = CONSTANTS["VTPM_E_NOT_SUPPORTED"]
    NOT_PERMITTED = CONSTANTS["VTPM_E_NOT_PERMITTED"]
    BAD_REQUIREMENT = CONSTANTS["VTPM_E_BAD_REQUIREMENT"]
    BAD_HANDLE = CONSTANTS["VTPM_E_BAD_HANDLE"]
    BAD_STATE = CONSTANTS["VTPM_E_BAD_STATE"]
    BAD_ADDRESS = CONSTANTS["VTPM_E_BAD_ADDRESS"]
    NO_SPACE = CONSTANTS["VTPM_E_NO_SPACE"]
    BUSY = CONSTANTS["VTPM_E_BUSY"]
    BAD_IMAGE = CONSTANTS["VTPM_E_BAD_IMAGE"]
    NO_ENTROPY = CONSTANTS["VTPM_E_NO_ENTROPY"]
    ENGINE_FAILED = CONSTANTS["VTPM_E_ENGINE_FAILED"]
    BAD_QUEUE = CONSTANTS["VTPM_E_BAD_QUEUE"]
    EXISTS = CONSTANTS["VTPM_E_EXISTS"]
    STALE_EPOCH = CONSTANTS["VTPM_E_STALE_EPOCH"]
    MORE = CONSTANTS["VTPM_E_MORE"]

    @classmethod
    def from_code(cls, code: int) -> Status | int:
        """Return the status with this code, or the code itself if the ABI does not define it."""
        try:
            return cls(code)
        except ValueError:
            return code

    @property
    def meaning(self) -> str:
        """The header's comment on this code; empty if it has none."""
        return _MEANINGS.get(self.name, "")


_MEANINGS: dict[str, str] = dict(_STATUS_LINE.findall(HEADER.read_text(encoding="utf-8")))


def call_name(fid: int) -> str:
    """Return the name of a function identifier, such as `CREATE` or `DOORBELL 3`, or its number if it has none."""
    if 0 <= (index := fid - CONSTANTS["VTPM_FID_DOORBELL"]) <= CONSTANTS["VTPM_MAX_INDEX"]:
        return f"DOORBELL {index}"
    for name, value in CONSTANTS.items():
        if name.startswith("VTPM_FID_") and value == fid:
            return name.removeprefix("VTPM_FID_")
    return f"{fid:#x}"


def doorbell(index: int) -> int:
    """Return the function identifier of the doorbell for the calling VM's instance with this index."""
    if not 0 <= index <= CONSTANTS["VTPM_MAX_INDEX"]:
        raise ValueError(f"an instance index is 0 to {CONSTANTS['VTPM_MAX_INDEX']}, not {index}")
    return CONSTANTS["VTPM_FID_DOORBELL"] + index
