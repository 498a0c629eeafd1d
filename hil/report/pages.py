"""The comparison of two runs, and the history of many, each as one page that needs nothing else."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hil.report.embed import content_hash, embedded
from hil.report.grid import LETTERS, NO_PART, firmware_of, firmwares_of, since_when, urgency
from hil.report.text import visible

if TYPE_CHECKING:
    from jinja2 import Template

    from hil.report.compare import Comparison
    from hil.report.history import History, TestHistory

FOLDED = 40
"""A longer list is folded away until somebody opens it."""
_PAGE = Path(__file__).parent / "page"
REPORT_STYLE = _PAGE / "report.css"
"""The style sheet of all pages."""


def compare_page(found: Comparison) -> str:
    """Return a comparison as a page."""
    page: str = _template("compare").render(
        found=found, changes=list(found.by_change().items()), folded=FOLDED, visible=visible
    )
    return page


def history_page(found: History, *, runs_at: str = "") -> str:
    """Return a history as a page; with `runs_at`, its cells lead to `<runs_at><run's id>/report.html`."""
    marks = firmwares_of(found.runs)
    boards = {test.board for test in found.tests}
    commits = {board.firmware_hash: board.git for run in reversed(found.runs) for board in run.boards}
    data = {
        "runs_at": runs_at,
        "letters": {word: letter for word, (letter, _) in LETTERS.items() if word in found.words},
        "runs": [{"id": run.id, "started": run.started, "verdict": run.verdict} for run in found.runs],
        "firmwares": {
            board: [marks.get(firmware_of(run, board), NO_PART) for run in found.runs] for board in sorted(boards)
        },
        "tests": [_test(test, marks) for test in sorted(found.tests, key=urgency)],
    }
    script = (_PAGE / "history.js").read_text(encoding="utf-8")
    page: str = _template("history").render(
        runs=found.runs,
        unread=found.unread,
        failing=sum(test.since is not None for test in found.tests),
        flaky=sum(test.flips > 0 for test in found.tests),
        firmwares=[(mark, firmware[:12], commits.get(firmware, "")[:12]) for firmware, mark in marks.items()],
        data=embedded(data),
        script=script,
        script_hash=content_hash(script),
    )
    return page


def _test(test: TestHistory, marks: dict[str, str]) -> dict[str, Any]:
    return {
        "id": visible(test.id),
        "board": test.board,
        "moments": [[moment.word, moment.seconds] if moment else None for moment in test.moments],
        "flips": test.flips,
        "attempts": test.attempts,
        "median": test.seconds,
        "steady": test.steady,
        "since": [since_when(test, marks), test.since.run if test.since else ""],
    }


@cache
def _template(name: str) -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(loader=FileSystemLoader(_PAGE), autoescape=True, undefined=StrictUndefined)
    style = (_PAGE / file for file in ("report.css", "tables.css"))
    environment.globals["style"] = "\n".join(file.read_text(encoding="utf-8") for file in style)
    return environment.get_template(f"{name}.html")
