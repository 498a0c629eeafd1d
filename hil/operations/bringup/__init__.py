"""The first boot of a board, stage by stage: what is expected, what was seen, and where it stops the likely causes."""

from __future__ import annotations

from hil.operations.bringup.bundle import write_bundle
from hil.operations.bringup.climb import Climb
from hil.operations.bringup.ladder import Cause, Outcome, Stage, Step

__all__ = ["Cause", "Climb", "Outcome", "Stage", "Step", "write_bundle"]
