"""The process that writes a record: whether it still lives tells a run that goes on from one that was killed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hil.record.step import iso

if TYPE_CHECKING:
    from hil.record.record import Record

SAME_SECONDS = 2.0
"""So far may two readings of the time at which one process began be apart: the system's clock is set now and then."""


def started(process: int) -> str:
    """Return when a process of this machine began, as the record writes it; empty if there is none."""
    import psutil  # only a run that is being written, or was killed, needs it

    try:
        found = psutil.Process(process)
        if found.status() == psutil.STATUS_ZOMBIE:  # it has ended, and nobody has asked how
            return ""
        return iso(datetime.fromtimestamp(found.create_time(), UTC))
    except psutil.Error:
        return ""


def is_alive(record: Record) -> bool:
    """Whether the process that wrote `record` still runs on this machine; one that reuses its id is another one."""
    if not (began := started(record.process)):
        return False
    if not record.process_started:  # a record from before that was noted
        return _moment(began) <= _moment(record.started)
    return abs(_moment(began) - _moment(record.process_started)) <= SAME_SECONDS


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
