"""What a bisection knows, in a file that is whole at every moment: it goes on after Ctrl-C, kill -9 and power loss."""

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


class Verdict(StrEnum):
    """What is known about one candidate; `SKIP`: nothing can be known about the test with it."""

    GOOD = "good"
    BAD = "bad"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user asked for. `images`, oldest first, or revisions of the repository, which `build` builds."""

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
    verdict: Verdict
    seconds: float
    reason: str = ""
    record: str = ""


@dataclass(slots=True)
class State:
    """A bisection, in its directory."""

    directory: Path
    settings: Settings
    trials: list[Trial] = field(default_factory=list)
    finished: bool = False

    def add(self, trial: Trial) -> None:
        """Note a trial, for good."""
        self.trials.append(trial)
        self.save()

    def of(self, *verdicts: Verdict) -> list[str]:
        """Return the candidates with one of these verdicts, in the order in which they were tried."""
        return [trial.candidate for trial in self.trials if trial.verdict in verdicts]

    def trial(self, candidate: str) -> Trial | None:
        """Return what became of a candidate, if it was tried."""
        return next((trial for trial in self.trials if trial.candidate == candidate), None)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep others from going on with it at the same time. Raises `UsageError`."""
        try:
            with FileLock(self.directory / "lock", timeout=0):
                yield
        except Timeout:
            raise UsageError(f"another `hil bisect` is at work in {self.directory}") from None

    def save(self) -> None:
        """Write it down."""
        self.directory.mkdir(parents=True, exist_ok=True)
        content = {
            "schema": SCHEMA,
            "settings": asdict(self.settings),
            "trials": [asdict(trial) for trial in self.trials],
            "finished": self.finished,
        }
        write_atomically(self.directory / STATE_FILE, (json.dumps(content, indent=1) + "\n").encode())

    @classmethod
    def load(cls, directory: Path) -> State:
        """Read it back. Raises `UsageError`."""
        try:
            content = json.loads((directory / STATE_FILE).read_text(encoding="utf-8"))
            settings = content["settings"]
            return cls(
                directory,
                Settings(**{**settings, "images": tuple(settings["images"])}),
                [Trial(**{**trial, "verdict": Verdict(trial["verdict"])}) for trial in content["trials"]],
                content["finished"],
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UsageError(f"{directory} holds no bisection that can go on: {error}") from error


def unfinished(directories: Iterable[Path]) -> State:
    """Return the newest bisection that has not come to its end. Raises `UsageError`."""
    for directory in sorted(directories, reverse=True):
        with contextlib.suppress(UsageError):  # killed before it could write anything
            state = State.load(directory)
            if not state.finished:
                return state
    raise UsageError("no bisection was interrupted", hint="hil bisect --good REV --bad REV --test ID")
