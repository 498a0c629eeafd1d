"""Standard services of the firmware, as Arm's specifications define them: identifiers and codes of their calls.

`DEN0028` is the SMC Calling Convention, `DEN0022` PSCI, `DEN0098` the TRNG firmware interface, and `DEN0054` SDEI.
"""

from __future__ import annotations

from enum import IntEnum

__all__ = ["MPIDR_AFFINITIES", "ArchCall", "PsciCall", "SdeiCall", "Status", "TrngCall", "signed", "smc64"]

MPIDR_AFFINITIES = 0xFF_00FF_FFFF
"""The bits of MPIDR_EL1 by which PSCI names a CPU: Aff3 in bits 39:32, Aff2 to Aff0 in bits 23:0 (Arm ARM, D19.2)."""

_SMC64 = 1 << 30
"""DEN0028, "Function Identifiers": the call passes 64-bit arguments."""


class ArchCall(IntEnum):
    """DEN0028, "Arm Architecture Calls"."""

    SMCCC_VERSION = 0x8000_0000
    SMCCC_ARCH_FEATURES = 0x8000_0001
    SMCCC_ARCH_SOC_ID = 0x8000_0002
    SMCCC_ARCH_WORKAROUND_3 = 0x8000_3FFF
    SMCCC_ARCH_WORKAROUND_2 = 0x8000_7FFF
    SMCCC_ARCH_WORKAROUND_1 = 0x8000_8000


class PsciCall(IntEnum):
    """DEN0022, "Function prototypes". `smc64` gives the identifiers of the calls that take 64-bit arguments."""

    PSCI_VERSION = 0x8400_0000
    CPU_SUSPEND = 0x8400_0001
    CPU_OFF = 0x8400_0002
    CPU_ON = 0x8400_0003
    AFFINITY_INFO = 0x8400_0004
    MIGRATE = 0x8400_0005
    MIGRATE_INFO_TYPE = 0x8400_0006
    MIGRATE_INFO_UP_CPU = 0x8400_0007
    SYSTEM_OFF = 0x8400_0008
    SYSTEM_RESET = 0x8400_0009
    PSCI_FEATURES = 0x8400_000A
    SYSTEM_SUSPEND = 0x8400_000E
    SYSTEM_RESET2 = 0x8400_0012


class TrngCall(IntEnum):
    """DEN0098, "TRNG_VERSION" to "TRNG_RND"."""

    TRNG_VERSION = 0x8400_0050
    TRNG_FEATURES = 0x8400_0051
    TRNG_GET_UUID = 0x8400_0052
    TRNG_RND32 = 0x8400_0053
    TRNG_RND64 = 0xC400_0053


class SdeiCall(IntEnum):
    """DEN0054, "SDEI_VERSION" and the following."""

    SDEI_VERSION = 0xC400_0020
    SDEI_EVENT_REGISTER = 0xC400_0021
    SDEI_EVENT_ENABLE = 0xC400_0022
    SDEI_EVENT_DISABLE = 0xC400_0023
    SDEI_EVENT_CONTEXT = 0xC400_0024
    SDEI_EVENT_UNREGISTER = 0xC400_0027
    SDEI_EVENT_STATUS = 0xC400_0028
    SDEI_EVENT_GET_INFO = 0xC400_0029
    SDEI_PE_MASK = 0xC400_002B
    SDEI_PE_UNMASK = 0xC400_002C
    SDEI_FEATURES = 0xC400_0030
    SDEI_PRIVATE_RESET = 0xC400_0031
    SDEI_SHARED_RESET = 0xC400_0032


class Status(IntEnum):
    """Codes that more than one of the specifications use; PSCI alone has those from ALREADY_ON on."""

    SUCCESS = 0
    NOT_SUPPORTED = -1
    INVALID_PARAMETERS = -2
    DENIED = -3
    ALREADY_ON = -4
    ON_PENDING = -5
    INTERNAL_FAILURE = -6
    NOT_PRESENT = -7
    DISABLED = -8
    INVALID_ADDRESS = -9


def smc64(call: int) -> int:
    """Return the identifier of the form of a call that takes 64-bit arguments."""
    return call | _SMC64


def signed(value: int, bits: int = 32) -> int:
    """Return the low bits of a register as a signed number, as results of calls are defined."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value
