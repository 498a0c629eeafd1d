"""All that is known about one run: what `run.json` holds."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct, field

from hil.record.case import Case, Fault
from hil.record.provenance import Provenance
from hil.record.requirements import Requirement
from hil.record.step import Stage, Timestamp, TimestampOrEmpty
from hil.record.verdict import Counts, Verdict

SCHEMA = 5
"""Version of `run.json` and `events.jsonl`; raised whenever a reader must change. `run.schema.json` describes it."""


class RolePlayed(Struct, frozen=True):
    """One of several boards that tests used together."""

    role: Annotated[str, Meta(description="its role in the tests")]
    board: Annotated[str, Meta(description="its name, that of its file")]
    provenance: Annotated[Provenance, Meta(description="what was on it")]


class BoardOfRun(Struct, frozen=True):
    """A board, and what was on it."""

    name: Annotated[str, Meta(description="what reports call it")]
    provenance: Annotated[Provenance, Meta(description="everything needed to say whether two runs ran the same thing")]
    why: Annotated[str, Meta(description="why this board, when nobody named it")] = ""
    roles: Annotated[
        tuple[RolePlayed, ...],
        Meta(description="the boards behind the name, if tests used several together; `provenance` is the first one's"),
    ] = ()


class Record(Struct, frozen=True):
    """The record of one run."""

    id: Annotated[
        str,
        Meta(description="name of the run's directory: when it began, boards, and a random part", pattern="^[^/]+$"),
    ]
    name: Annotated[str, Meta(description="the board, or the boards with a plus sign between them")]
    started: Annotated[Timestamp, Meta(description="when it began: UTC, ISO 8601")]
    boards: Annotated[tuple[BoardOfRun, ...], Meta(description="the boards that took part")] = ()
    verdict: Annotated[
        Verdict,
        Meta(
            description="one word for the whole run; a killed run says `running` in its file, and `killed` in reports"
        ),
    ] = Verdict.RUNNING
    exit_code: Annotated[
        int | None,
        Meta(
            description="0 nobody's fault, 1 findings, 2 usage, 3 infrastructure; null before the end,"
            " which a killed run does not come to: its reports say 3",
            extra_json_schema={"enum": [0, 1, 2, 3, None]},
        ),
    ] = None
    finished: Annotated[
        TimestampOrEmpty,
        Meta(description="when it ended: UTC, ISO 8601; empty while the run goes on, and when it was killed"),
    ] = ""
    duration: Annotated[float, Meta(description="from begin to end, in seconds", ge=0)] = 0.0
    counts: Annotated[Counts, Meta(description="how many cases ended how; each counts once")] = field(
        default_factory=Counts
    )
    faults: Annotated[tuple[Fault, ...], Meta(description="what went wrong outside of every test")] = ()
    cases: Annotated[
        tuple[Case, ...],
        Meta(description="all tests, board by board, in the order in which they ended"),
    ] = ()
    stages: Annotated[
        tuple[Stage, ...],
        Meta(description="each time that a board was brought into a state, in the order of their ends"),
    ] = ()
    attachments: Annotated[
        tuple[str, ...],
        Meta(description="further files about the run, relative to its directory, such as `coverage.json`"),
    ] = ()
    directory: Annotated[
        str,
        Meta(description="where the run's directory was: relative to the root of the tree, or absolute outside of it"),
    ] = ""
    process: Annotated[int, Meta(description="id of the process that wrote the record")] = 0
    process_started: Annotated[
        TimestampOrEmpty,
        Meta(description="when that process began: UTC, ISO 8601; ids are reused, and this tells them apart"),
    ] = ""
    requirements: Annotated[
        tuple[Requirement, ...],
        Meta(description="what the tree has to prove, whether a test of this run shows it or not"),
    ] = ()
    label: Annotated[
        str, Meta(description="what the run is called by those that it is for, such as `nightly`; mostly empty")
    ] = ""
    schema: Annotated[int, Meta(description="version of this format", extra_json_schema={"const": SCHEMA})] = SCHEMA

    def suites(self) -> list[tuple[BoardOfRun, str, list[Case]]]:
        """Return board, subject and cases of each suite, board by board."""
        found: dict[tuple[str, str], list[Case]] = {}
        for case in self.cases:
            found.setdefault((case.board, case.subject), []).append(case)
        return [
            (board, subject, cases)
            for board in self.boards
            for (name, subject), cases in found.items()
            if name == board.name
        ]
