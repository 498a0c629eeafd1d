"""Shows what was done on the board: the last actions of a test that failed, or all of them live, with `--hil-trace`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.record.account import GAP, LAST

if TYPE_CHECKING:
    import pytest

    from hil.session.plugin.progress import AttemptProgress

SHOWN = 12
"""How many of the last actions stand in the terminal below a failure; the record has more."""
TITLE = "Account of the board"


def show(report: pytest.TestReport, attempt: AttemptProgress) -> None:
    """Add the last actions of an attempt to the report of its failure, where pytest prints what was captured."""
    entries = [entry for entry in attempt.entries(LAST) if entry.kind != GAP]
    if not entries:
        return
    of = f", last {SHOWN} of {len(entries)} actions" if len(entries) > SHOWN else ""
    report.sections.append((f"{TITLE}{of}", "\n".join(entry.line for entry in entries[-SHOWN:])))
