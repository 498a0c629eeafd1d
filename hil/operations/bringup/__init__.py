"""Bring-up: the first boot of a board, stage by stage, with what was expected and seen, and causes where it stops."""

from __future__ import annotations

from hil.operations.bringup.bringup import BringUp
from hil.operations.bringup.bundle import write_bundle
from hil.operations.bringup.stages import BringUpStage, BringUpStep, Cause, StageOutcome

__all__ = ["BringUp", "BringUpStage", "BringUpStep", "Cause", "StageOutcome", "write_bundle"]
