"""Which change of the firmware broke a test: revisions or builds, tried on a board that is checked each time."""

from __future__ import annotations

from hil.operations.bisect.bisection import Answer, Bisection
from hil.operations.bisect.builds import Builds
from hil.operations.bisect.revisions import Revisions, commit
from hil.operations.bisect.runner import Judgement, Runner
from hil.operations.bisect.state import Settings, State, Trial, Verdict

__all__ = [
    "Answer",
    "Bisection",
    "Builds",
    "Judgement",
    "Revisions",
    "Runner",
    "Settings",
    "State",
    "Trial",
    "Verdict",
    "commit",
]
