"""A trial of the lab's machinery: a pool run on many simulated boards while runners and an exporter are killed."""

from __future__ import annotations

from hil.operations.trial.trial import Plan, Result, Trial

__all__ = ["Plan", "Result", "Trial"]
