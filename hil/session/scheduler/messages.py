"""The messages between a run and the process at each of its seats, both of this version and on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hil.errors import ExitCode
    from hil.record import Attempt, Case, Fault, Provenance, RolePlayed, Stage


@dataclass(frozen=True, slots=True)
class StartSession:
    """To the process: the directory of the run, the name of its seat, and the arguments of its pytest."""

    path: Path
    seat: str
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RunTests:
    """To the process: run these tests next."""

    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EndSession:
    """To the process: end the session, also between two tests of one `RunTests`."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The session is open; `provenance` says what its tests run on, `roles` with which boards, if there are several."""

    provenance: Provenance
    roles: tuple[RolePlayed, ...] = ()


@dataclass(frozen=True, slots=True)
class Planned:
    """The tests are collected; those of one group stay together because they share fixtures."""

    groups: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Ready:
    """The process is idle."""


@dataclass(frozen=True, slots=True)
class Started:
    """A test starts."""

    id: str


@dataclass(frozen=True, slots=True)
class Retried:
    """A test did not pass, and runs again."""

    id: str
    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Done:
    """A test has ended."""

    case: Case


@dataclass(frozen=True, slots=True)
class Faulted:
    """Something went wrong outside of every test."""

    fault: Fault


@dataclass(frozen=True, slots=True)
class Staged:
    """The board was brought into a state."""

    stage: Stage


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """An event for the timeline."""

    name: str
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Traced:
    """A line about what is done on the board, to be shown at once."""

    line: str


@dataclass(frozen=True, slots=True)
class Broken:
    """The board cannot be used any more; `fault` is the one that every further test would have."""

    fault: Fault


@dataclass(frozen=True, slots=True)
class Finished:
    """pytest has ended. This is the last message of a process."""

    code: ExitCode


Message = (
    Opened | Planned | Ready | Started | Retried | Done | Faulted | Staged | TimelineEvent | Traced | Broken | Finished
)
"""A message from the process at a seat."""
