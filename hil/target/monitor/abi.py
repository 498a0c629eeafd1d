"""The constants shared with the monitor: every `AGENT_*`, `GUEST_*`, `LINUX_*` and `STAGE2_*` of `agent_abi.h`."""

from __future__ import annotations

from hil.headers import firmware_header, read_defines

__all__ = ["CONSTANTS"]

CONSTANTS = read_defines(firmware_header("baremetal/agent_abi.h"))


def __getattr__(name: str) -> int:
    try:
        return CONSTANTS[name]
    except KeyError:
        raise AttributeError(f"agent_abi.h defines no {name}") from None
