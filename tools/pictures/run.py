"""Draws docs/pictures/run.svg: what a terminal shows in the middle of a run, and at its end.

.venv/bin/python tools/pictures/run.py reports/latest
"""

from __future__ import annotations

import io
import re
import sys
from itertools import chain, zip_longest
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

from hil.record import load
from hil.report.summary import summary
from hil.session.scheduler.display import LiveDisplay
from hil.session.scheduler.estimate import Estimate

OUTPUT = Path("docs/pictures/run.svg")
COLUMNS, LINES = 104, 40
SHARE = 0.55
"""Of the tests that have ended in the picture."""
FONT = "ui-monospace, DejaVu Sans Mono, monospace"


def main(directory: Path) -> None:
    """Replay the record in `directory`."""
    record = load(directory)
    console = Console(
        record=True, width=COLUMNS, height=LINES, force_terminal=True, file=io.StringIO(), highlight=False
    )
    console.print(Text("$ hil run " + " ".join(f"--board {board.name}" for board in record.boards), "bold"))
    estimate = Estimate()
    estimate.learn({(case.board, case.id): case.duration for case in record.cases})
    picture = LiveDisplay(
        console,
        {board.name: board.name for board in record.boards},
        estimate,
        parallel=2,
        spent=record.duration * SHARE,
    )
    cases = {
        board.name: [case for case in record.cases if case.board == board.name and not case.unfit]
        for board in record.boards
    }
    for board, own in cases.items():
        picture.plan(board, [case.id for case in own])
    ended = {board: own[: int(len(own) * SHARE)] for board, own in cases.items()}
    for case in filter(None, chain.from_iterable(zip_longest(*ended.values()))):
        picture.case(case)
    for board, own in cases.items():
        picture.seat(board, own[len(ended[board])].id)
    console.print(picture)
    console.print(Text("...", "dim"))
    console.print(summary(record, Path("reports") / record.id))
    without_fonts = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    drawn = console.export_svg(title="hil run", code_format=without_fonts.replace("Fira Code", FONT))
    OUTPUT.write_text(re.sub(r"\n\s*<!--.*?-->", "", drawn), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
