"""The record of what happened, when, and with what."""

from hil.record.account import Entry
from hil.record.case import Attachment, Attempt, Case, ConsoleSlice, Fault, FaultKind, Outcome, Output, Quarantine
from hil.record.plain import plain_record
from hil.record.provenance import Provenance
from hil.record.reader import load, read_events
from hil.record.record import BoardOfRun, Record, RolePlayed
from hil.record.run import Run, RunWriter, attach
from hil.record.step import Stage, Step
from hil.record.verdict import Counts, Verdict

__all__ = [
    "Attachment",
    "Attempt",
    "BoardOfRun",
    "Case",
    "ConsoleSlice",
    "Counts",
    "Entry",
    "Fault",
    "FaultKind",
    "Outcome",
    "Output",
    "Provenance",
    "Quarantine",
    "Record",
    "RolePlayed",
    "Run",
    "RunWriter",
    "Stage",
    "Step",
    "Verdict",
    "attach",
    "load",
    "plain_record",
    "read_events",
]
