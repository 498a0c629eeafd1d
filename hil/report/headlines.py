"""What to read first of a failure: what broke, where, and what to look at."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hil.record.account import GAP
from hil.record.case import FaultKind
from hil.report.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hil.record import Case, ConsoleSlice, Entry, Fault

ACCOUNT = "Account of the board"
"""The title of what a test did on the board."""
ENTRIES_SHOWN = 12
"""How many of the last actions stand in the terminal below a failure; the record has more."""
LINES_SHOWN = 8
"""How many of the last lines of each console stand there."""
_SAID = re.compile(r"\[ *[\d.]+\] <")
"""How a line of a console begins that the board said."""
_PLACE = re.compile(r"^(?P<file>[^\s:][^:\n]*):(?P<line>\d+): ", re.MULTILINE)
"""A place in pytest's account of a failure, such as `suites/tpm/test_a.py:12: AssertionError`."""


def why(case: Case) -> str:
    """Return in one line why a test did not pass."""
    return case.faults[0].message if case.faults else case.reason


def headlines(case: Case) -> list[str]:
    """Return the test and whose fault it was, and then what broke, where, and what to look at."""
    if not case.faults:
        return [f"{case.id}: {case.outcome}", f"  {visible(case.reason)}"]
    return [f"{case.id}: {case.fault}", *explanation(case.faults[0], file=str(case.path))]


def explanation(fault: Fault, *, file: str = "") -> list[str]:
    """Return what was seen and in which line of `file`, where the board was, and what to try."""
    seen = _line_of(file, fault.details) if file else ""
    mistake = f"{fault.type}: " if fault.kind is FaultKind.TEST else ""  # what KeyError says is but a key
    lines = [f"  {mistake}{visible(fault.message)}{f' ({seen})' if seen else ''}"]
    if fault.crash:
        lines.append(f"  {visible(str(fault.crash))}")
    if fault.stage or fault.console:
        heard = f"; last heard on {visible(fault.console)}" if fault.console else ""
        lines.append(f"  at stage {fault.stage or 'unknown'}{heard}")
    if fault.hint:
        lines.append(f"  try: {visible(fault.hint)}")
    return lines


def told(case: Case) -> list[tuple[str, str]]:
    """Return what a test that failed printed and logged, and the last of what it did on the board, with titles."""
    if not case.attempts:
        return []
    last = case.attempts[-1]
    found = [(f"Captured {piece.stream}", piece.text.rstrip("\n")) for piece in last.output]
    return [*found, *sections(last.account, last.console or case.console)]


def sections(account: Iterable[Entry], console: Iterable[ConsoleSlice]) -> list[tuple[str, str]]:
    """Return the last actions on the board, and what its consoles said last, as texts with titles."""
    found = []
    entries = [entry for entry in account if entry.kind != GAP]
    if entries:
        heading = ACCOUNT + (f", last {ENTRIES_SHOWN} of {len(entries)}" if len(entries) > ENTRIES_SHOWN else "")
        found.append((heading, "\n".join(entry.line for entry in entries[-ENTRIES_SHOWN:])))
    for piece in console:
        said = [line for line in piece.text.splitlines() if _SAID.match(line)]
        if said:
            heading = f"Console {piece.console}" + (", last lines" if len(said) > LINES_SHOWN else "")
            found.append((heading, "\n".join(said[-LINES_SHOWN:])))
    return found


def place(file: str, details: str) -> tuple[str, int]:
    """Return the test's own file, and the line in which it ended, 0 if that is not known.

    What the test called stands in the `details`, too.
    """
    found = (int(match["line"]) for match in _PLACE.finditer(details) if match["file"].endswith(file))
    return file, next(found, 0)


def _line_of(file: str, details: str) -> str:
    _, line = place(file, details)
    return f"{file}:{line}" if line else ""
