"""Encodes the A64 instructions that a program can execute one at a time.

Encodings are those of the Arm ARM (DDI 0487), C5 and D19. System registers and operations have their names there, or
`S<op0>_<op1>_C<n>_C<m>_<op2>`.
"""

from __future__ import annotations

import re

from hil.errors import UsageError

DSB_SY = 0xD5033F9F
DSB_ISH = 0xD5033B9F
DMB_SY = 0xD5033FBF
DMB_ISH = 0xD5033BBF
ISB = 0xD5033FDF
NOP = 0xD503201F
WFI = 0xD503207F
RET = 0xD65F03C0

_MRS = 0xD5300000
_MSR = 0xD5100000
_SYS = 0xD5080000

# op0, op1, CRn, CRm, op2
_REGISTERS = {
    "MIDR_EL1": (3, 0, 0, 0, 0),
    "MPIDR_EL1": (3, 0, 0, 0, 5),
    "ID_AA64PFR0_EL1": (3, 0, 0, 4, 0),
    "ID_AA64ISAR0_EL1": (3, 0, 0, 6, 0),
    "ID_AA64MMFR0_EL1": (3, 0, 0, 7, 0),
    "ID_AA64MMFR1_EL1": (3, 0, 0, 7, 1),
    "SCTLR_EL1": (3, 0, 1, 0, 0),
    "CPACR_EL1": (3, 0, 1, 0, 2),
    "TTBR0_EL1": (3, 0, 2, 0, 0),
    "TTBR1_EL1": (3, 0, 2, 0, 1),
    "TCR_EL1": (3, 0, 2, 0, 2),
    "SPSR_EL1": (3, 0, 4, 0, 0),
    "ELR_EL1": (3, 0, 4, 0, 1),
    "SP_EL0": (3, 0, 4, 1, 0),
    "CURRENTEL": (3, 0, 4, 2, 2),
    "ESR_EL1": (3, 0, 5, 2, 0),
    "FAR_EL1": (3, 0, 6, 0, 0),
    "PAR_EL1": (3, 0, 7, 4, 0),
    "MAIR_EL1": (3, 0, 10, 2, 0),
    "VBAR_EL1": (3, 0, 12, 0, 0),
    "ISR_EL1": (3, 0, 12, 1, 0),
    "CONTEXTIDR_EL1": (3, 0, 13, 0, 1),
    "TPIDR_EL1": (3, 0, 13, 0, 4),
    "CTR_EL0": (3, 3, 0, 0, 1),
    "DAIF": (3, 3, 4, 2, 1),
    "FPCR": (3, 3, 4, 4, 0),
    "FPSR": (3, 3, 4, 4, 1),
    "PMCR_EL0": (3, 3, 9, 12, 0),
    "PMCNTENSET_EL0": (3, 3, 9, 12, 1),
    "PMCNTENCLR_EL0": (3, 3, 9, 12, 2),
    "PMCCNTR_EL0": (3, 3, 9, 13, 0),
    "PMCCFILTR_EL0": (3, 3, 14, 15, 7),
    "TPIDR_EL0": (3, 3, 13, 0, 2),
    "TPIDRRO_EL0": (3, 3, 13, 0, 3),
    "CNTFRQ_EL0": (3, 3, 14, 0, 0),
    "CNTPCT_EL0": (3, 3, 14, 0, 1),
    "CNTVCT_EL0": (3, 3, 14, 0, 2),
    "CNTP_CTL_EL0": (3, 3, 14, 2, 1),
    "CNTV_CTL_EL0": (3, 3, 14, 3, 1),
    "SCTLR_EL2": (3, 4, 1, 0, 0),
    "HCR_EL2": (3, 4, 1, 1, 0),
    "MDCR_EL2": (3, 4, 1, 1, 1),
    "CPTR_EL2": (3, 4, 1, 1, 2),
    "TTBR0_EL2": (3, 4, 2, 0, 0),
    "TCR_EL2": (3, 4, 2, 0, 2),
    "VTTBR_EL2": (3, 4, 2, 1, 0),
    "VTCR_EL2": (3, 4, 2, 1, 2),
    "ESR_EL2": (3, 4, 5, 2, 0),
    "FAR_EL2": (3, 4, 6, 0, 0),
    "HPFAR_EL2": (3, 4, 6, 0, 4),
    "VBAR_EL2": (3, 4, 12, 0, 0),
    "TPIDR_EL2": (3, 4, 13, 0, 2),
    "SCTLR_EL3": (3, 6, 1, 0, 0),
    "SCR_EL3": (3, 6, 1, 1, 0),
    "TTBR0_EL3": (3, 6, 2, 0, 0),
    "VBAR_EL3": (3, 6, 12, 0, 0),
}
_OPERATIONS = {
    "AT S1E1R": (1, 0, 7, 8, 0),
    "AT S1E1W": (1, 0, 7, 8, 1),
    "AT S1E0R": (1, 0, 7, 8, 2),
    "AT S1E0W": (1, 0, 7, 8, 3),
    "AT S1E2R": (1, 4, 7, 8, 0),
    "AT S1E2W": (1, 4, 7, 8, 1),
    "AT S12E1R": (1, 4, 7, 8, 4),
    "AT S12E1W": (1, 4, 7, 8, 5),
    "TLBI VMALLE1IS": (1, 0, 8, 3, 0),
    "TLBI VAE1IS": (1, 0, 8, 3, 1),
    "TLBI ASIDE1IS": (1, 0, 8, 3, 2),
    "TLBI ALLE1IS": (1, 4, 8, 3, 4),
    "TLBI VMALLS12E1IS": (1, 4, 8, 3, 6),
    "DC IVAC": (1, 0, 7, 6, 1),
    "DC ZVA": (1, 3, 7, 4, 1),
    "DC CVAC": (1, 3, 7, 10, 1),
    "DC CVAU": (1, 3, 7, 11, 1),
    "DC CIVAC": (1, 3, 7, 14, 1),
    "IC IALLUIS": (1, 0, 7, 1, 0),
    "IC IVAU": (1, 3, 7, 5, 1),
}
_GENERIC = re.compile(r"S([0-3])_([0-7])_C(1[0-5]|[0-9])_C(1[0-5]|[0-9])_([0-7])")


def mrs(register: str) -> int:
    """Return `MRS X0, register`."""
    return _MRS | _fields(_REGISTERS, register)


def msr(register: str) -> int:
    """Return `MSR register, X0`."""
    return _MSR | _fields(_REGISTERS, register)


def sys(operation: str) -> int:
    """Return the instruction for an operation such as `AT S12E1R` or `TLBI VMALLE1IS`, on X0."""
    return _SYS | _fields(_OPERATIONS, operation)


def _fields(names: dict[str, tuple[int, int, int, int, int]], name: str) -> int:
    if match := _GENERIC.fullmatch(name.upper()):
        op0, op1, crn, crm, op2 = map(int, match.groups())
    elif name.upper() in names:
        op0, op1, crn, crm, op2 = names[name.upper()]
    else:
        raise UsageError(
            f"`{name}` is not a known system register or operation",
            hint="write it as S<op0>_<op1>_C<n>_C<m>_<op2>, as the Arm ARM does",
        )
    # Bit 20 is the upper bit of op0, and part of the opcodes above.
    return (op0 & 1) << 19 | op1 << 16 | crn << 12 | crm << 8 | op2 << 5
