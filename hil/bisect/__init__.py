"""Which change of the firmware broke a test: revisions or builds, tried on a board that is checked each time."""

from __future__ import annotations

from hil.bisect.bisection import Answer, Bisection
from hil.bisect.builds import Builds
from hil.bisect.revisions import Revisions, commit
from hil.bisect.runner import Judgement, Runner
from hil.bisect.state import Settings, State, Trial, Verdict

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
