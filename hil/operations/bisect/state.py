"""The state of a bisection, in a file that is replaced atomically: it resumes after Ctrl-C, kill -9 and power loss."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from hil.errors import UsageError
from hil.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

SCHEMA = 1
STATE_FILE = "bisect.json"


class CandidateVerdict(StrEnum):
    """The verdict on one candidate; `SKIP` if the test cannot be tried with it."""

    GOOD = "good"
    BAD = "bad"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class BisectSettings:
    """What the user asked for: either `images`, oldest first, or revisions that the command `build` builds."""

    test: str
    board: str
    canary: str
    good: str
    bad: str
    images: tuple[str, ...] = ()
    build: str = ""


@dataclass(frozen=True, slots=True)
class Trial:
    """One candidate that was tried: `record` is the directory of the run that decided, `seconds` include the build."""

    candidate: str
    verdict: CandidateVerdict
    seconds: float
    reason: str = ""
    record: str = ""


@dataclass(slots=True)
class BisectionState:
    """A bisection, in its directory."""

    directory: Path
    settings: BisectSettings
    trials: list[Trial] = field(default_factory=list)
    finished: bool = False

    def add(self, trial: Trial) -> None:
        """Add a trial, and save."""
        self.trials.append(trial)
        self.save()

    def with_verdict(self, *verdicts: CandidateVerdict) -> list[str]:
        """Return the candidates with one of these verdicts, in the order in which they were tried."""
        return [trial.candidate for trial in self.trials if trial.verdict in verdicts]

    def trial(self, candidate: str) -> Trial | None:
        """Return the trial of a candidate, None if it was not tried."""
        return next((trial for trial in self.trials if trial.candidate == candidate), None)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Lock the bisection against another process. Raises `UsageError` if it is locked."""
        try:
            with FileLock(self.directory / "lock", timeout=0):
                yield
        except Timeout:
            raise UsageError(f"another `hil bisect` runs in {self.directory}") from None

    def save(self) -> None:
        """Write the state to its directory."""
        self.directory.mkdir(parents=True, exist_ok=True)
        content = {
            "schema": SCHEMA,
            "settings": asdict(self.settings),
            "trials": [asdict(trial) for trial in self.trials],
            "finished": self.finished,
        }
        write_atomically(self.directory / STATE_FILE, (json.dumps(content, indent=1) + "\n").encode())

    @classmethod
    def load(cls, directory: Path) -> BisectionState:
        """Read a saved state. Raises `UsageError`."""
        try:
            content = json.loads((directory / STATE_FILE).read_text(encoding="utf-8"))
            settings = content["settings"]
            return cls(
                directory,
                BisectSettings(**{**settings, "images": tuple(settings["images"])}),
                [Trial(**{**trial, "verdict": CandidateVerdict(trial["verdict"])}) for trial in content["trials"]],
                content["finished"],
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UsageError(f"{directory} holds no bisection that can be resumed: {error}") from error


def unfinished(directories: Iterable[Path]) -> BisectionState:
    """Return the newest bisection that was interrupted. Raises `UsageError` if there is none."""
    for directory in sorted(directories, reverse=True):
        with contextlib.suppress(UsageError):  # killed before it could write anything
            state = BisectionState.load(directory)
            if not state.finished:
                return state
    raise UsageError("no bisection was interrupted", hint="hil bisect --good REV --bad REV --test ID")
