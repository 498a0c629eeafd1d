"""The record as it stands in files: what `run.schema.json` describes, and `hil.record.reader` reads."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hil.record.case import Attempt, Case
    from hil.record.run import Record


def plain_record(record: Record) -> dict[str, Any]:
    """Return `record` as JSON can write it."""
    data = asdict(record)
    for case, written in zip(record.cases, data["cases"], strict=True):
        _complete(case, written)
    return data


def plain_case(case: Case) -> dict[str, Any]:
    """Return `case` as JSON can write it."""
    return _complete(case, asdict(case))


def plain_attempt(attempt: Attempt) -> dict[str, Any]:
    """Return one attempt as JSON can write it."""
    return {**asdict(attempt), "fault": attempt.fault or ""}


def _complete(case: Case, data: dict[str, Any]) -> dict[str, Any]:
    """Add the class of each fault; what the last attempt saw stands in the case and is not written twice."""
    data["fault"] = case.fault or ""
    for attempt, written in zip(case.attempts, data["attempts"], strict=True):
        written["fault"] = attempt.fault or ""
    if data["attempts"]:
        for name in ("faults", "console"):
            del data["attempts"][-1][name]
    return data
