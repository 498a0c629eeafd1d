"""A summary of the runs in a reports folder, also of those in progress."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from msgspec import structs

from hil.lab.boards.hold import runner
from hil.record import Record, Verdict
from hil.record.packing import EVENTS_FILE
from hil.record.plain import from_json
from hil.record.run import RUN_FILE
from hil.report.index import indexed
from hil.report.runs import Runs
from hil.report.text import visible

if TYPE_CHECKING:
    from pathlib import Path

RUNS_SHOWN = 50
UNREADABLE = "unreadable"


class Overview:
    """Summarises the runs in `reports`. A run is read again only if its record has changed."""

    def __init__(self, reports: Path) -> None:
        self._reports = reports
        self._seen: dict[Path, tuple[tuple[tuple[int, int], ...], dict[str, Any]]] = {}

    def runs(self) -> list[dict[str, Any]]:
        """Return the newest runs, newest first."""
        return [self._run(path) for path in reversed(Runs(self._reports).paths()[-RUNS_SHOWN:])]

    def _run(self, path: Path) -> dict[str, Any]:
        state = tuple(_state(path / name) for name in (RUN_FILE, EVENTS_FILE))
        kept = self._seen.get(path)
        if kept is None or kept[0] != state or (kept[1]["verdict"] == Verdict.RUNNING and killed(path)):
            kept = self._seen[path] = (state, _brief(path))
        return kept[1]


def killed(path: Path) -> bool:
    """Whether the process of an unfinished run is gone. A run that has just begun has no `run.json` yet."""
    return (path / RUN_FILE).exists() and not runner(_writer(path))


def _state(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_size


def _brief(path: Path) -> dict[str, Any]:
    run = indexed(path)
    if run is None:
        return {"id": path.name, "name": "", "started": "", "verdict": UNREADABLE, "label": "", "counts": {}}
    return {
        "id": path.name,
        "name": visible(run.name),
        "started": run.started,
        "seconds": run.duration,
        "verdict": run.verdict,
        "label": visible(run.label),
        "counts": structs.asdict(run.counts),
    }


def _writer(path: Path) -> Record | None:
    """Return the process and start time of a run from `run.json`, None if that cannot be read."""
    with contextlib.suppress(OSError, ValueError):
        return from_json((path / RUN_FILE).read_bytes(), Record)
    return None
