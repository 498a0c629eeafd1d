"""The record of a script that uses a board: a run with one case, which is the script itself."""

from __future__ import annotations

import sys
import time
import traceback
from collections import deque
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from hil.account import listen
from hil.errors import ExitCode
from hil.record import Attempt, Case, Fault, FaultKind, Outcome, Run
from hil.record.account import Account
from hil.record.step import iso
from hil.record.transcript import DirectorySink
from hil.report import write_reports
from hil.session.plugin.classify import classify
from hil.session.plugin.consoles import Consoles
from hil.session.plugin.timeline import follow_steps
from hil.target.crash import find_elfs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hil.record import BoardOfRun, Step

DIRECTORY = "scripts"
"""Where records of scripts are, below the directory of all records: they are neither `latest` nor part of a history."""
INTERACTIVE = "interactive"
"""The name of what is typed at a prompt, or in a notebook."""
STEPS_KEPT = 1000
"""A notebook may be open for days: its case has the last steps, and the timeline all of them."""


class ScriptRecord:
    """Records what happens between opening and closing a board. Whatever ends the script decides the verdict."""

    def __init__(self, reports: Path, board: BoardOfRun, root: Path, images: Iterable[Path]) -> None:
        self.run = Run(reports / DIRECTORY, board, root=root)
        self.consoles = Consoles(DirectorySink(self.run.path))
        self._images = tuple(images)
        self._id = _name(root)
        self._began, self._started = time.monotonic(), iso(datetime.now(UTC))
        self._steps: deque[Step] = deque(maxlen=STEPS_KEPT)
        self._account = Account()
        self._following = (follow_steps(self.run, self._steps.append), listen(self._account.add))
        self.run.plan([self._id])
        self.run.begin(self._id)

    def close(self, error: BaseException | None, stage: str) -> None:
        """Close the record; `error` is what ended the script, and `stage` how far the board had come."""
        for stop in self._following:
            stop()
        faults = [fault] if (fault := self._fault(error, stage)) else []
        failed = any(fault.finding for fault in faults)
        attempt = Attempt(
            number=1,
            outcome=Outcome.PASSED if not faults else Outcome.FAILED if failed else Outcome.ERROR,
            started=self._started,
            duration=round(time.monotonic() - self._began, 4),
            stage=stage,
            faults=tuple(faults),
            console=self.consoles.since(()),
            account=self._account.entries(self._began),
        )
        self.run.add(Case.from_attempts(self._id, [attempt], steps=tuple(self._steps)))
        code = max([fault.kind.exit_code for fault in faults], default=ExitCode.PASSED)
        interrupted = any(fault.kind is FaultKind.INTERRUPTED for fault in faults)
        write_reports(self.run.finish(code, interrupted=interrupted), self.run.path)

    def _fault(self, error: BaseException | None, stage: str) -> Fault | None:
        if error is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
            return None
        if isinstance(error, KeyboardInterrupt):
            return Fault(FaultKind.INTERRUPTED, "call", "KeyboardInterrupt", "the script was interrupted", stage=stage)
        if isinstance(error, SystemExit):
            return Fault(FaultKind.TEST, "call", "SystemExit", f"the script ended: {error.code}", finding=True)
        return classify(
            error,
            "call",
            stage=stage,
            console=self.consoles.last_line(),
            details="".join(traceback.format_exception(error)),
            images=find_elfs(self._images),
        )


def is_interactive() -> bool:
    """Whether lines are typed one by one, at a prompt or in a notebook: an error in one of them ends nothing."""
    return hasattr(sys, "ps1") or "ipykernel" in sys.modules


def _name(root: Path) -> str:
    """Return the script's path in the tree, or its name, or that there is none."""
    script = Path(sys.argv[0]) if sys.argv and sys.argv[0] not in {"", "-c"} else None
    if script is None or is_interactive() or not script.is_file():
        return INTERACTIVE
    path = script.resolve()
    return str(path.relative_to(root.resolve())) if path.is_relative_to(root.resolve()) else path.name
