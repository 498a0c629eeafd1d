"""Finds the change of the firmware that broke a test: tries revisions or builds, and checks the board each time."""

from __future__ import annotations

from hil.operations.bisect.bisection import Answer, Bisection
from hil.operations.bisect.builds import Builds
from hil.operations.bisect.revisions import Revisions, commit
from hil.operations.bisect.runner import BisectRunner, Judgement
from hil.operations.bisect.state import BisectionState, BisectSettings, CandidateVerdict, Trial

__all__ = [
    "Answer",
    "BisectRunner",
    "BisectSettings",
    "Bisection",
    "BisectionState",
    "Builds",
    "CandidateVerdict",
    "Judgement",
    "Revisions",
    "Trial",
    "commit",
]
