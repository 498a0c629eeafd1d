"""What is new in a run: each test beside the same one in the runs before, and since when one that fails does so."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from hil.files import write_atomically
from hil.report.history import BAD
from hil.report.index import IndexedRun

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hil.record import Record
    from hil.report.index import IndexedCase

PAST_FILE = "past.json"
"""What is new; kept with a run, so that its page stays the same when it is made again, or elsewhere."""
NEW_FAILURE, FAILS_STILL = "new failure", "fails still"
NEWLY_FLAKY, FIXED, NEW_TEST = "newly flaky", "fixed", "new test"
CHANGES = (NEW_FAILURE, NEWLY_FLAKY, FAILS_STILL, FIXED, NEW_TEST)
"""What a test can be beside the runs before, the worst first."""
_SAYS_NOTHING = frozenset({"skipped", "unfit", "not-run", "blocked", "infrastructure", "usage", "interrupted"})


@dataclass(frozen=True, slots=True)
class Past:
    """How a test compares with the runs before.

    `run` and `started` are of the first run of those in a row in which it failed, `runs` is how many they are, this one
    included; nothing of that is known of a test that does not fail. `before` tells that an earlier run was good.
    """

    change: str
    run: str = ""
    started: str = ""
    runs: int = 0
    before: bool = False


def keep_past(record: Record, directory: Path, earlier: Sequence[IndexedRun]) -> None:
    """Write down what is new beside the runs `earlier`, oldest first: those of the same label count, if it has one."""
    alike = [run for run in earlier if run.label == record.label] if record.label else earlier
    rows = [[board, id, asdict(past)] for (board, id), past in compared(IndexedRun.from_record(record), alike).items()]
    write_atomically(directory / PAST_FILE, (json.dumps(rows) + "\n").encode())


def read_past(directory: Path | None) -> dict[tuple[str, str], Past]:
    """Return by board and test what was written down with a run; of an older run nothing."""
    if directory:
        with contextlib.suppress(OSError, ValueError, TypeError):
            rows = json.loads((directory / PAST_FILE).read_text(encoding="utf-8"))
            return {(board, id): Past(**past) for board, id, past in rows}
    return {}


def compared(now: IndexedRun, earlier: Sequence[IndexedRun]) -> dict[tuple[str, str], Past]:
    """Return by board and test what is new; tests that end as ever are left out, and the first run of a board."""
    told: dict[tuple[str, str], list[tuple[IndexedRun, IndexedCase]]] = {}
    for run in reversed(earlier):
        for case in run.cases:
            if case.word not in _SAYS_NOTHING:
                told.setdefault((case.board, case.id), []).append((run, case))
    boards = {board for board, _ in told}
    found = {}
    for case in now.cases:
        if case.board in boards and (past := _past(now, case, told.get((case.board, case.id), []))):
            found[case.board, case.id] = past
    return found


def _past(now: IndexedRun, case: IndexedCase, before: Sequence[tuple[IndexedRun, IndexedCase]]) -> Past | None:
    """Compare a test with itself in earlier runs, the newest first."""
    last = before[0][1].word if before else ""
    if case.word in BAD:
        first, runs, good = now, 1, False
        for run, earlier in before:
            if earlier.word not in BAD:
                good = True
                break
            first, runs = run, runs + 1
        return Past(NEW_FAILURE if runs == 1 else FAILS_STILL, first.id, first.started, runs, good)
    if case.word in _SAYS_NOTHING:
        return None
    if not last:
        return Past(NEW_TEST)
    if case.word == "flaky" and last != "flaky":
        return Past(NEWLY_FLAKY)
    return Past(FIXED) if last in BAD else None
