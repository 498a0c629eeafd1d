"""What a run and the process at each of its seats tell each other. Both are this program, on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hil.errors import ExitCode
    from hil.record import Attempt, Case, Fault, Provenance, Stage


@dataclass(frozen=True, slots=True)
class Start:
    """To the process: the directory of the run, the name of its seat, and the arguments of its pytest."""

    path: Path
    seat: str
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Take:
    """To the process: run these tests next."""

    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class End:
    """To the process: there is nothing more to do; also between two tests of one `Take`."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What the tests run on."""

    provenance: Provenance


@dataclass(frozen=True, slots=True)
class Planned:
    """All tests, in groups that must stay together because they share fixtures."""

    groups: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Ready:
    """The process has nothing to do."""


@dataclass(frozen=True, slots=True)
class Begun:
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
class Happened:
    """An event for the timeline."""

    name: str
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Broken:
    """The board cannot be used any more; `fault` is what every further test would have said."""

    fault: Fault


@dataclass(frozen=True, slots=True)
class Finished:
    """pytest has ended; the last message of a process."""

    code: ExitCode


Message = Opened | Planned | Ready | Begun | Retried | Done | Faulted | Staged | Happened | Broken | Finished
"""What comes from the process at a seat."""
