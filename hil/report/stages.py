"""How long boards took to get from state to state in a run, beside what that took in the runs before it."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass
from statistics import median
from typing import TYPE_CHECKING

from hil.files import write_atomically
from hil.report.history import Usual, usual_stages_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hil.record import Record
    from hil.report.index import IndexedRun

USUAL_FILE = "usual.json"
"""What stages took in the runs before; kept with a run, so that its page stays the same when it is made again."""
TOO_SHORT = 0.05
"""Seconds; a state that is always reached sooner, such as `off`, is not worth a line."""


@dataclass(frozen=True, slots=True)
class StageTimes:
    """A state that a board of the run was brought into `times`, in seconds, and how often that failed."""

    board: str
    stage: str
    median: float
    least: float
    most: float
    times: int
    failed: int
    usual: Usual | None

    @property
    def scale(self) -> float:
        """What the longest bar stands for."""
        return max(self.most, self.usual.most if self.usual else 0.0)


def keep_usual(record: Record, directory: Path, earlier: Sequence[IndexedRun]) -> None:
    """Write down what stages usually took in the runs `earlier`."""
    found = usual_stages_of(earlier)
    boards = {board.name for board in record.boards}
    rows = [[board, stage, asdict(usual)] for (board, stage), usual in sorted(found.items()) if board in boards]
    write_atomically(directory / USUAL_FILE, (json.dumps(rows) + "\n").encode())


def stages(record: Record, directory: Path | None) -> list[StageTimes]:
    """Return the states of each board, in the order in which they were first reached."""
    usual = _kept(directory) if directory else {}
    took: dict[tuple[str, str], list[float]] = {}
    failed: dict[tuple[str, str], int] = {}
    for stage in record.stages:
        key = (stage.board, stage.stage)
        took.setdefault(key, []).extend([stage.duration] if stage.ok else [])
        failed[key] = failed.get(key, 0) + (not stage.ok)
    return [
        StageTimes(
            *key,
            median(seconds) if seconds else 0.0,
            min(seconds, default=0.0),
            max(seconds, default=0.0),
            len(seconds),
            failed[key],
            usual.get(key),
        )
        for key, seconds in took.items()
        if failed[key] or max(seconds) >= TOO_SHORT
    ]


def _kept(directory: Path) -> dict[tuple[str, str], Usual]:
    with contextlib.suppress(OSError, ValueError, TypeError):
        rows = json.loads((directory / USUAL_FILE).read_text(encoding="utf-8"))
        return {(board, stage): Usual(**usual) for board, stage, usual in rows}
    return {}
