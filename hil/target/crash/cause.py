"""Guesses the cause of an exception from its syndrome and fault address."""

from __future__ import annotations

from hil.target.crash import syndrome

NULL_END = 0x1000
"""An access below this address went through a null pointer, or to a member of a structure behind one."""

_BY_CLASS = {
    syndrome.UNKNOWN: "an instruction that this processor does not implement: overwritten code, a jump into data, or a "
    "register of a newer architecture",
    syndrome.PC_ALIGNMENT: "a jump to a misaligned address: a damaged function pointer or return address",
    syndrome.SP_ALIGNMENT: "the stack pointer is damaged",
    syndrome.SERROR: "an access that failed later on, often a write to an address without memory; ELR is not its place",
    syndrome.BREAKPOINT: "a trap instruction in the code: an assertion that failed, or code that must not be reached",
}


def likely_cause(esr: int, far: int | None) -> str:
    """Return the likely cause in words, or "" if syndrome and fault address (None: unknown) do not show one."""
    code = syndrome.exception_class(esr)
    if code in _BY_CLASS:
        return _BY_CLASS[code]
    if far is None:
        return ""
    if code in syndrome.INSTRUCTION_ABORTS:
        return f"a jump to {far:#x}, where no code may run: a damaged function pointer or return address"
    if code in syndrome.DATA_ABORTS:
        return _data_abort_cause(syndrome.fault_status(esr), far, writes=syndrome.writes(esr))
    return ""


def _data_abort_cause(status: int, far: int, *, writes: bool) -> str:
    if far < NULL_END:
        return f"a null pointer was used (address {far:#x})"
    match status:
        case syndrome.TRANSLATION:
            return f"nothing is mapped at {far:#x}: a damaged pointer, a stack overflow, or a missing mapping"
        case syndrome.PERMISSION:
            return f"{far:#x} is read-only" if writes else f"{far:#x} must not be read from this level"
        case syndrome.ALIGNMENT:
            return f"{far:#x} is not aligned for this access"
        case syndrome.EXTERNAL:
            return f"nothing answers at {far:#x}, or it belongs to the other security state"
    return ""
