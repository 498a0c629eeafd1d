"""`hil lab trial`: a pool run on many simulated boards during which runners and an exporter are killed."""

from __future__ import annotations

from hil.operations.trial.trial import LabTrial, TrialPlan, TrialResult

__all__ = ["LabTrial", "TrialPlan", "TrialResult"]
