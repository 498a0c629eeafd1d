"""Decodes exception syndromes (ESR_ELx): Arm ARM DDI 0487, D24.2.40."""

from __future__ import annotations

UNKNOWN = 0x00
PC_ALIGNMENT = 0x22
SP_ALIGNMENT = 0x26
SERROR = 0x2F
BREAKPOINT = 0x3C
INSTRUCTION_ABORTS = frozenset({0x20, 0x21})
DATA_ABORTS = frozenset({0x24, 0x25})

TRANSLATION, ACCESS_FLAG, PERMISSION = 0x04, 0x08, 0x0C
"""Bits 5:2 of a fault status, for faults at a level of the translation table."""
EXTERNAL = 0x10
ALIGNMENT = 0x21

_CLASSES = {
    UNKNOWN: "unknown reason (undefined instruction or register)",
    0x01: "trapped WFI or WFE",
    0x07: "trapped access to FP or SIMD",
    0x09: "trapped pointer authentication",
    0x0D: "branch target exception",
    0x0E: "illegal execution state",
    0x15: "SVC",
    0x16: "HVC",
    0x17: "SMC",
    0x18: "trapped system register or instruction",
    0x19: "trapped access to SVE",
    0x1C: "pointer authentication failed",
    0x20: "instruction abort from a lower level",
    0x21: "instruction abort",
    PC_ALIGNMENT: "PC alignment fault",
    0x24: "data abort from a lower level",
    0x25: "data abort",
    SP_ALIGNMENT: "SP alignment fault",
    SERROR: "SError",
    0x30: "breakpoint of a debugger, from a lower level",
    0x31: "breakpoint of a debugger",
    0x34: "watchpoint, from a lower level",
    0x35: "watchpoint",
    BREAKPOINT: "BRK",
}
_STATUS = {
    EXTERNAL: "synchronous external abort",
    0x11: "synchronous tag check fault",
    0x14: "external abort on a level 0 table walk",
    0x15: "external abort on a level 1 table walk",
    0x16: "external abort on a level 2 table walk",
    0x17: "external abort on a level 3 table walk",
    0x18: "parity or ECC error",
    ALIGNMENT: "alignment fault",
    0x30: "TLB conflict",
    0x35: "unsupported exclusive or atomic access",
}
_LEVELLED = {
    0x00: "address size fault",
    TRANSLATION: "translation fault",
    ACCESS_FLAG: "access flag fault",
    PERMISSION: "permission fault",
}


def exception_class(esr: int) -> int:
    """Return EC, bits 31:26."""
    return esr >> 26 & 0x3F


def fault_status(esr: int) -> int:
    """Return the fault status of an abort, bits 5:0, without the level if it has one."""
    status = esr & 0x3F
    return status & 0x3C if status < EXTERNAL else status


def writes(esr: int) -> bool:
    """Whether a data abort was a write: WnR, bit 6."""
    return exception_class(esr) in DATA_ABORTS and bool(esr >> 6 & 1)


def describe(esr: int) -> str:
    """Return a syndrome in words, such as `data abort: translation fault, level 3, write`."""
    code = exception_class(esr)
    words = _CLASSES.get(code, f"exception class {code:#x}")
    if code == BREAKPOINT:
        return f"{words} #{esr & 0xFFFF:#x}"
    if code not in DATA_ABORTS | INSTRUCTION_ABORTS:
        return words
    status = esr & 0x3F
    words += ": " + _STATUS.get(status, f"{_LEVELLED.get(status & 0x3C, 'fault')}, level {status & 3}")
    if code in DATA_ABORTS:
        words += ", write" if writes(esr) else ", read"
    return words
