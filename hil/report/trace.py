"""Requirements against boards: which tests show each of them, how these ended, and what no test shows."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hil.record.requirements import KINDS, Requirement
from hil.report.attached import read_coverage
from hil.report.index import word

if TYPE_CHECKING:
    from pathlib import Path

    from hil.record import Case, Record

NO_TEST = "no test"
NOT_KNOWN = "not known"
_LOST = frozenset({"error", "infrastructure", "usage", "interrupted", "blocked", "not-run"})
_STATES = (
    ("failed", frozenset({"failed"})),
    (NOT_KNOWN, _LOST),
    ("quarantined", frozenset({"quarantined"})),
    ("xfailed", frozenset({"xfailed"})),
    ("flaky", frozenset({"flaky"})),
    ("passed", frozenset({"passed"})),
)
"""What a requirement amounts to, the worst first, and the words of tests of which one is enough for it."""
COLUMNS = (
    "kind",
    "requirement",
    "text",
    "verdict",
    "board",
    "verdict_on_board",
    "test",
    "outcome",
    "reason",
    "firmware_hash",
    "commit",
    "run",
    "started",
    "lines_covered",
    "lines",
)
_NUMBERS = re.compile(r"(\d+)", re.ASCII)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Traced:
    """A requirement and the tests that claim it, by board."""

    requirement: Requirement
    boards: dict[str, tuple[Case, ...]]

    @property
    def cases(self) -> tuple[Case, ...]:
        """The tests on all boards."""
        return tuple(case for cases in self.boards.values() for case in cases)

    @property
    def verdict(self) -> str:
        """The worst of all boards; one that could not carry out any of the tests has no say if another one did."""
        return verdict_of(self.cases)


def trace(record: Record) -> list[Traced]:
    """Return all requirements of a run: those of its tree, in their order, then others that tests claim."""
    known = {(required.kind, required.name): required for required in record.requirements}
    claims: dict[tuple[str, str], dict[str, list[Case]]] = {key: {} for key in known}
    for case in record.cases:
        for key in dict.fromkeys(case.properties):
            if key[0] in KINDS:
                claims.setdefault(key, {}).setdefault(case.board, []).append(case)
    order, places = list(KINDS), {key: place for place, key in enumerate(known)}
    found = [
        Traced(
            known.get(key) or Requirement(*key),
            {board.name: tuple(boards.get(board.name, ())) for board in record.boards},
        )
        for key, boards in claims.items()
    ]
    return sorted(
        found,
        key=lambda traced: (
            order.index(traced.requirement.kind),
            places.get((traced.requirement.kind, traced.requirement.name), len(places)),
            _natural(traced.requirement.name),
        ),
    )


def _natural(name: str) -> list[tuple[int, str]]:
    """Return what sorts E2 before E10."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in _NUMBERS.split(name)]


def verdict_of(cases: tuple[Case, ...]) -> str:
    """Return what tests show of a requirement: `passed`, or the worst of what kept them from it.

    `skipped`: not one of them was carried out. `no test`: there is none. `xfailed`: the board is known not to fulfil
    it.
    """
    words = {word(case) for case in cases}
    if not words:
        return NO_TEST
    return next((state for state, enough in _STATES if words & enough), "skipped")


def traceability_json(record: Record, directory: Path) -> dict[str, Any]:
    """Return the requirements of a run for programs."""
    covered = read_coverage(directory)
    return {
        "run": record.id,
        "started": record.started,
        "verdict": record.verdict.value,
        "boards": [
            {"name": board.name, "firmware_hash": board.provenance.firmware_hash, "commit": board.provenance.git}
            for board in record.boards
        ],
        "coverage": {"lines": covered.whole.lines, "covered": covered.whole.covered} if covered else None,
        "requirements": [_plain(traced) for traced in trace(record)],
    }


def traceability_csv(record: Record, directory: Path) -> str:
    """Return the requirements of a run as a table with a row for each test on each board, and one without any test.

    A cell that a spreadsheet would take for a formula begins with an apostrophe.
    """
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(COLUMNS)
    covered = read_coverage(directory)
    lines = (covered.whole.covered, covered.whole.lines) if covered else ("", "")
    provenance = {board.name: board.provenance for board in record.boards}
    for traced in trace(record):
        about = (traced.requirement.kind, traced.requirement.name, traced.requirement.text, traced.verdict)
        run = (record.id, record.started, *lines)
        if not traced.cases:
            table.writerow(_safe((*about, "", NO_TEST, "", "", "", "", "", *run)))
        for board, cases in traced.boards.items():
            made = (provenance[board].firmware_hash, provenance[board].git)
            for case in cases:
                told = (board, verdict_of(cases), case.id, word(case), case.reason)
                table.writerow(_safe((*about, *told, *made, *run)))
    return text.getvalue()


def _plain(traced: Traced) -> dict[str, Any]:
    required = traced.requirement
    return {
        "kind": required.kind,
        "requirement": required.name,
        "text": required.text,
        "verdict": traced.verdict,
        "boards": [
            {
                "board": board,
                "verdict": verdict_of(cases),
                "tests": [{"id": case.id, "outcome": word(case), "reason": case.reason} for case in cases],
            }
            for board, cases in traced.boards.items()
        ],
    }


def _safe(row: tuple[object, ...]) -> list[str]:
    cells = [str(cell) for cell in row]
    return [f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in cells]
