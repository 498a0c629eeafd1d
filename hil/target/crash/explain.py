"""Parses the crash dumps of TF-A, the monitor and Linux from the lines of a serial console."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec.structs import replace

from hil.errors import FirmwareHang, Panic
from hil.target.crash import elf
from hil.target.crash.cause import likely_cause
from hil.target.crash.crash import Crash, Place
from hil.target.crash.syndrome import describe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_DUMP_BEGIN = re.compile(r"^x\d", re.MULTILINE)
_DUMP_END = re.compile(r"far_el3\s*=\s*0x[0-9a-f]{16}")
"""The last EL3 register that TF-A prints (bl31/aarch64/crash_reporting.S)."""

_LEVELS: Mapping[str, tuple[str, ...]] = {"EL3": ("bl31", "engine"), "EL2": ("monitor",), "EL1": ("guest",)}
"""The ELF files with the code of each exception level."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of crash: the line that announces it; which registers hold syndrome, fault address, code addresses."""

    line: re.Pattern[str]
    level: str
    esr: str = ""
    far: str = ""
    code: tuple[str, ...] = ()
    cause: str = ""


_TRUSTED_FIRMWARE = (
    _Kind(re.compile(r"Unhandled Exception in EL3"), "EL3", "esr_el3", "far_el3", ("elr_el3", "x30")),
    _Kind(re.compile(r"Unhandled Interrupt Exception in EL3"), "EL3", code=("elr_el3", "x30")),
    _Kind(re.compile(r"Unhandled Exception from lower EL"), "", "esr_el3", "far_el3", ("elr_el3", "x30")),
    # panic() is a call, not an exception: elr_el3 still holds the return address of the last SMC.
    _Kind(re.compile(r"PANIC in EL3"), "EL3", code=("x30",), cause="code at EL3 called panic()"),
)
_MONITOR = _Kind(re.compile(r"monitor: PANIC"), "EL2", "esr", "far", ("elr",))
_LINUX = _Kind(re.compile(r"Kernel panic - not syncing"), "EL1", "ESR")
_KINDS = (*_TRUSTED_FIRMWARE, _MONITOR, _LINUX)
_REGISTER = re.compile(r"\b(?P<name>[a-z]\w*)\s*=\s*(?:0x)?(?P<value>[0-9a-f]{1,16})\b")
_LINUX_REGISTER = re.compile(r"\b(?P<name>ESR)\s*=\s*0x(?P<value>[0-9a-f]{16})")
_LINUX_PLACE = re.compile(r"\bpc : (?P<function>[\w.]+)\+0x")
_LINUX_CAUSES = (
    (
        "Unable to mount root fs",
        "Linux finds no initial file system: it is missing, damaged, or at another address than Linux was told",
    ),
    ("No working init found", "the initial file system has no program to start"),
    ("Attempted to kill init", "the first process ended; it must never end"),
)
_PROCESSOR = re.compile(r"(?P<name>CPU \d+) at (?P<level>EL[123]) in 0x(?P<address>[0-9a-f]+)")


def explain(lines: Sequence[str], images: Sequence[elf.Elf]) -> Crash | None:
    """Explain the last crash in these lines of one console; return None if they contain none.

    The report of a hanging emulator, a line that says where each processor is, is explained in the same way.
    """
    for number in range(len(lines) - 1, -1, -1):
        kind = next((kind for kind in _KINDS if kind.line.search(lines[number])), None)
        if kind is _LINUX:  # Linux prints its registers before this line, the others after it
            return _linux_crash(lines[number].strip(), lines[:number])
        if kind:
            return _crash(kind, lines[number].strip(), _registers(_REGISTER, lines[number:]), images)
    return _hang("\n".join(lines), images)


def explain_error(error: BaseException, images: Sequence[elf.Elf]) -> Crash | None:
    """Explain the crash or hang that an error reports; return None for all other errors."""
    if isinstance(error, Panic):
        return explain(error.dump or error.context.console, images)
    return explain([error.message], images) if isinstance(error, FirmwareHang) else None


def unfinished(lines: Sequence[str]) -> bool:
    """Whether TF-A has begun to print the registers of a crash, but not yet all of EL3's."""
    text = "\n".join(lines)
    return any(kind.line.search(text) for kind in _TRUSTED_FIRMWARE) and bool(
        _DUMP_BEGIN.search(text) and not _DUMP_END.search(text)
    )


def _registers(pattern: re.Pattern[str], lines: Sequence[str]) -> dict[str, int]:
    return {found["name"]: int(found["value"], 16) for line in lines for found in pattern.finditer(line)}


def _crash(kind: _Kind, what: str, registers: Mapping[str, int], images: Sequence[elf.Elf]) -> Crash:
    level = kind.level or f"EL{registers.get('spsr_el3', 0) >> 2 & 3}"
    addresses = {name: registers[name] for name in kind.code if registers.get(name)}
    esr = registers.get(kind.esr)
    return Crash(
        what=what,
        level=level,
        syndrome="" if esr is None else describe(esr),
        cause=kind.cause or ("" if esr is None else likely_cause(esr, registers.get(kind.far))),
        places=_places(level, addresses, images),
        registers=tuple((name, f"{value:#x}") for name, value in registers.items()),
    )


def _linux_crash(what: str, before: Sequence[str]) -> Crash:
    """Explain a panic of Linux, which prints the names of functions itself: no ELF file is needed."""
    crash = _crash(_LINUX, what, _registers(_LINUX_REGISTER, before), ())
    cause = next((cause for words, cause in _LINUX_CAUSES if words in what), crash.cause)
    found = next(filter(None, (_LINUX_PLACE.search(line) for line in reversed(before))), None)
    places = (Place("pc", "", found["function"], "Linux"),) if found else ()
    return replace(crash, cause=cause, places=places)


def _hang(text: str, images: Sequence[elf.Elf]) -> Crash | None:
    found = list(_PROCESSOR.finditer(text))
    if not found:
        return None
    places = [_places(cpu["level"], {cpu["name"]: int(cpu["address"], 16)}, images) for cpu in found]
    first = found[0]
    unknown = f"{first['name']} is at {first['level']} in 0x{first['address']}, which is in no known image"
    # The boot processor runs the tests. Without its location, those of the others explain nothing: they are parked.
    known = bool(places[0])
    return Crash(
        what="the processors run, but the firmware does not answer",
        cause="" if known else unknown,
        places=tuple(place for group in places for place in group) if known else (),
        registers=tuple((cpu["name"], f"{cpu['level']} 0x{cpu['address']}") for cpu in found),
    )


def _places(level: str, addresses: Mapping[str, int], images: Sequence[elf.Elf]) -> tuple[Place, ...]:
    return elf.find(addresses, [image for image in images if image.name in _LEVELS.get(level, ())])
