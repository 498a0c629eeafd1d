"""Exception syndromes (ESR_ELx) in words: Arm ARM DDI 0487, D19.2.37."""

from __future__ import annotations

_CLASSES = {
    0x00: "unknown reason (undefined instruction or register)",
    0x01: "trapped WFI or WFE",
    0x07: "trapped access to FP or SIMD",
    0x0E: "illegal execution state",
    0x15: "SVC",
    0x16: "HVC",
    0x17: "SMC",
    0x18: "trapped system register or instruction",
    0x19: "trapped access to SVE",
    0x20: "instruction abort from a lower level",
    0x21: "instruction abort",
    0x22: "PC alignment fault",
    0x24: "data abort from a lower level",
    0x25: "data abort",
    0x26: "SP alignment fault",
    0x2F: "SError",
    0x3C: "BRK",
}
_ABORTS = {0x20, 0x21, 0x24, 0x25}
_DATA_ABORTS = {0x24, 0x25}
_STATUS = {
    0x10: "synchronous external abort",
    0x11: "asynchronous external abort",
    0x14: "external abort on a level 0 table walk",
    0x15: "external abort on a level 1 table walk",
    0x16: "external abort on a level 2 table walk",
    0x17: "external abort on a level 3 table walk",
    0x21: "alignment fault",
    0x30: "TLB conflict",
}
_LEVELLED = {0x00: "address size fault", 0x04: "translation fault", 0x08: "access flag fault", 0x0C: "permission fault"}


def exception_class(esr: int) -> int:
    """Return EC, bits 31:26."""
    return esr >> 26 & 0x3F


def describe(esr: int) -> str:
    """Return a syndrome in words, such as `data abort: translation fault, level 3, write`."""
    code = exception_class(esr)
    words = _CLASSES.get(code, f"exception class {code:#x}")
    if code not in _ABORTS:
        return words
    status = esr & 0x3F
    words += ": " + _STATUS.get(status, f"{_LEVELLED.get(status & 0x3C, 'fault')}, level {status & 3}")
    if code in _DATA_ABORTS:
        words += ", write" if esr >> 6 & 1 else ", read"
    return words
