"""A place where a CPU can land: it writes down the state that it starts in, and switches itself off again."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.target.monitor.program import Program, r
from hil.target.smccc import MPIDR_AFFINITIES, PsciCall

if TYPE_CHECKING:
    from hil.target.monitor.client import Monitor

LINE_BYTES = 64
"""No cache line of an Armv8-A processor in use is longer, and shorter ones do no harm here."""
PAGE_BYTES = 4096

# A64 encodings: Arm ARM, C6.2. Registers are x0, which is the context at first, and x1, which holds the address.
_ADR_X1_PAGE = 0x1000_0001 | PAGE_BYTES >> 2 << 5
_STR_X0_X1 = 0xF900_0020
_MRS_X0 = 0xD530_0000
_MOVZ_X0_HIGH = 0xD2A0_0000
_MOVK_X0_LOW = 0xF280_0000
_DSB_SY = 0xD503_3F9F
_SMC_0 = 0xD400_0003
_B_SELF = 0x1400_0000

# System registers as op0 to op2 of MRS, in bits 19:5.
_CURRENT_EL = 0b1_000_0100_0010_010
_DAIF = 0b1_011_0100_0010_001
_SCTLR_EL2 = 0b1_100_0001_0000_000
_MPIDR_EL1 = 0b1_000_0000_0000_101

_SCTLR_M, _SCTLR_C = 1 << 0, 1 << 2
_DAIF_ALL = 0xF << 6


@dataclass(frozen=True, slots=True)
class InitialState:
    """What a CPU found when it started."""

    context: int
    level: int
    affinity: int
    mmu: bool
    data_cache: bool
    all_masked: bool


class Landing:
    """Code in memory for a CPU to start at. Nobody else uses that memory: it is the RAM of a VM that never runs."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor
        vm = monitor.create_vm()
        self.entry = vm.ram_pa
        """The physical address of the code."""
        self._found = self.entry + PAGE_BYTES
        monitor.write(self.entry, _code())
        # The CPU starts with its caches off, so it reads and writes memory itself.
        self._clean(self.entry, len(_code()))
        self._clean(self._found, LINE_BYTES)

    def read(self) -> InitialState:
        """Return what the last CPU wrote."""
        self._clean(self._found, LINE_BYTES)
        context, level, daif, sctlr, mpidr = struct.unpack("<5Q", self._monitor.read(self._found, 40))
        return InitialState(
            context=context,
            level=level >> 2,
            affinity=mpidr & MPIDR_AFFINITIES,
            mmu=bool(sctlr & _SCTLR_M),
            data_cache=bool(sctlr & _SCTLR_C),
            all_masked=daif == _DAIF_ALL,
        )

    def _clean(self, start: int, length: int) -> None:
        program = Program()
        for address in range(start, start + length, LINE_BYTES):
            program.set(r[0], address)
            program.sys("DC CIVAC", r[0])
        program.barrier()
        program.halt()
        self._monitor.run(program).require("cleaning what a CPU finds when it starts")


def _code() -> bytes:
    words = [_ADR_X1_PAGE, _store(0)]
    for number, register in enumerate((_CURRENT_EL, _DAIF, _SCTLR_EL2, _MPIDR_EL1), 1):
        words += [_MRS_X0 | register << 5, _store(number)]
    words += [_MOVZ_X0_HIGH | PsciCall.CPU_OFF >> 16 << 5, _MOVK_X0_LOW | (PsciCall.CPU_OFF & 0xFFFF) << 5]
    words += [_DSB_SY, _SMC_0, _B_SELF]
    return b"".join(word.to_bytes(4, "little") for word in words)


def _store(number: int) -> int:
    """Return the instruction that stores x0 as the 64-bit word `number` at x1."""
    return _STR_X0_X1 | number << 10
