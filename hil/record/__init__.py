"""The record of what happened, when, and with what."""

from hil.record.case import Case, ConsoleSlice, Fault, FaultKind, Outcome
from hil.record.provenance import Provenance
from hil.record.reader import load, read_events
from hil.record.run import BoardOfRun, Record, Run, RunWriter
from hil.record.verdict import Counts, Verdict

__all__ = [
    "BoardOfRun",
    "Case",
    "ConsoleSlice",
    "Counts",
    "Fault",
    "FaultKind",
    "Outcome",
    "Provenance",
    "Record",
    "Run",
    "RunWriter",
    "Verdict",
    "load",
    "read_events",
]
